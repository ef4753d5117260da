// Which views there are, and for whom.

import { Board } from './board/board.jsx';
import { Book } from './book/book.jsx';
import { Chat } from './chat/chat.jsx';
import { Knowledge } from './knowledge/knowledge.jsx';
import { Mine } from './mine/mine.jsx';
import { Stock } from './stock/stock.jsx';

const STAFF = ['dentist', 'receptionist', 'admin'];
const ALL = ['patient', ...STAFF];

const VIEWS = [
  { id: 'board', title: 'Day board', short: 'Board', icon: 'board', roles: STAFF, View: Board },
  { id: 'visits', title: 'My visits', short: 'Visits', icon: 'visits', roles: ['patient'], View: Mine },
  { id: 'book', title: 'Book', icon: 'book', roles: ALL, View: Book },
  { id: 'stock', title: 'Stock', icon: 'stock', roles: STAFF, View: Stock },
  { id: 'assistant', title: 'Assistant', short: 'Ask', icon: 'chat', roles: ALL, View: Chat },
  { id: 'knowledge', title: 'Knowledge', short: 'Docs', icon: 'knowledge', roles: ['admin'], View: Knowledge },
];

export const viewsOf = (role) => VIEWS.filter(({ roles }) => roles.includes(role));

/** The view of a route, else the first. */
export const viewOf = (views, route) => views.find(({ id }) => id === route.split('/')[0]) ?? views[0];
