import './tokens.css';
import './base.css';
import './sidebar.css';
