import { defineView } from '../mount';
import { Registry } from './registry';
import type { IRegistryState } from './state';

export default defineView<IRegistryState>(Registry);
