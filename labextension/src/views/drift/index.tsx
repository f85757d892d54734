import { defineView } from '../mount';
import { Drift } from './drift';
import type { IDriftState } from './state';

export default defineView<IDriftState>(Drift);
