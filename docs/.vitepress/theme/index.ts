import Default from 'vitepress/theme';
import './repository.css';

export default Default;
