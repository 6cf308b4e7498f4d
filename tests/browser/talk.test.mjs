// The reason why this program exists: two people hear each other.
import { story } from './support/stage.mjs';
import { twoPeopleTalk } from './support/talking.mjs';

story('two people talk over UDP', (stage) => twoPeopleTalk(stage, 'udp'));
