// Where the page begins: signs in, and puts the frame into the document.
// Must hold: nothing is asked of the server before it is known who asks.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { session } from './lib/session.svelte';
import './lib/theme.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });
void session.begin();
