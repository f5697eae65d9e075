import './base.css';
import './panel.css';
import './table.css';
import './details.css';
import './dialogs.css';
import './space.css';
