import { createHostContext } from '../host';
import type { IRequest, ISelection } from './state';

export const { HostContext, useHost } = createHostContext<IRequest, ISelection>();
