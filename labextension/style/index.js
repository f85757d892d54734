import './tokens.css';
import './base.css';
import './sidebar.css';
import './hosted.css';
import './run.css';
import './data.css';
import './lineage.css';
import './registry.css';
