import embed from 'vega-embed';
import { expressionInterpreter } from 'vega-interpreter';
import type { IVega } from './draw';

/** All of vega as one module, for pages that have no other: a report holds it once. */
const vega: IVega = { embed, expressionInterpreter };

export default vega;
