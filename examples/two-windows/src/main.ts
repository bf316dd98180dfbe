// Every window of the app is this page. Each module shows one topic, and writes it.
import './header';
import './settings';
import './counter';
import './list';
import './windows';
