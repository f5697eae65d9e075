import './base.css';
import './panel.css';
import './dialogs.css';
