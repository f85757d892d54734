import { Token } from '@lumino/coreutils';
import type { IProjectModel as Model } from './state/project';

/** The project that the page is about; provided by `mlops-lab:project`. */
export type IProjectModel = Model;
export const IProjectModel = new Token<Model>(
  'mlops-lab:IProjectModel',
  'The MLOps Lab project that the page is about, with its client and its changes.'
);
