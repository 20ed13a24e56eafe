/**
 * The shapes that travel (the wire contract), for editors and readers. Holds no code.
 *
 * @typedef {{id: number, name: string, username: string}} Person
 * @typedef {{id: number, name: string}} Sender
 * @typedef {{id: number, seq: number, sender: Sender, content: string, deleted: boolean}} Quote
 * @typedef {{emoji: string, user_ids: number[]}} Reaction
 *
 * @typedef {object} Message
 * @property {number} id
 * @property {number} chat_id
 * @property {number} seq          its place in the chat: 1, 2, 3 … without holes
 * @property {number} revision     the chat's revision at its latest change
 * @property {Sender} sender
 * @property {string} content
 * @property {string} created_at
 * @property {?string} edited_at
 * @property {boolean} deleted
 * @property {?Quote} reply_to
 * @property {string} client_message_id
 * @property {Reaction[]} reactions
 *
 * @typedef {{user_id: number, delivered_seq: number, read_seq: number}} Cursor
 * @typedef {{seq: number, sender: Sender, content: string, created_at: string, deleted: boolean}} LastMessage
 *
 * @typedef {object} Chat
 * @property {number} id
 * @property {"direct"|"group"|"public"} kind
 * @property {string} title
 * @property {?Person} peer
 * @property {"owner"|"admin"|"member"} role
 * @property {number} member_count
 * @property {number} last_seq
 * @property {number} revision
 * @property {number} published_seq
 * @property {number} delivered_seq
 * @property {number} read_seq
 * @property {number} unread
 * @property {string} created_at
 * @property {?LastMessage} last_message
 * @property {Cursor[]} cursors
 * @property {number[]} present
 *
 * A message on its way, kept in this browser until the server has it.
 * @typedef {object} OutboxItem
 * @property {string} client_message_id
 * @property {number} chat_id
 * @property {string} content
 * @property {?Quote} reply_to
 * @property {number} written_at       milliseconds
 * @property {number} place            order of writing, across tabs
 * @property {string} tab              the tab that sends it
 * @property {"waiting"|"sent"|"failed"|"held"} state
 * @property {?string} reason          why it failed, in words
 * @property {?number} seq             known once it is saved
 */
export {};
