// What the page needs before a panel or a dialog is opened; those bring the rest along.
import './base.css';
