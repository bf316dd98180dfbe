export const BOOK = 'The Lamp at Skerry Point';
export const CHAPTER = 'Three';
export const TITLE = 'What the Tide Kept';

export const PARAGRAPHS = [
  'Ines rowed out before the harbour was awake. The water lay flat and grey as a slate that somebody had wiped clean, and the oars wrote on it in small round letters which closed behind her one by one.',
  'At the Point the lamp was still turning, though it was day. Nobody had climbed the stairs to put it out since the keeper left in March, and so it went on in the sunlight, faithful and of no use, telling ships that were not there about a rock they could see.',
  'She tied the boat to the iron ring. The stairs had a hundred and twelve steps; she had counted them as a child, and she counted them now, because a number that comes out the same after twenty years is a kind of welcome.',
  'The room at the top smelled of oil and warm dust. On the table stood two cups. One was dry. In the other the tea was an inch deep, and when she laid her palm against it, it was not quite cold.',
  '“You are late,” said a voice behind the lamp. “But so is the tide, this year. Sit down, and mind the cat.”',
];

const WORDS_PER_MINUTE = 220;

export const words = PARAGRAPHS.join(' ').split(' ').length;
export const minutes = Math.ceil(words / WORDS_PER_MINUTE);
