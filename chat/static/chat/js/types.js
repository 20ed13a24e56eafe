/**
 * The shapes that travel (the wire contract), for editors and readers. Holds no code.
 *
 * @typedef {{id: number, name: string, username: string, is_bot?: boolean}} Sender
 * @typedef {Sender & {deleted?: boolean, blocked?: boolean}} Person  blocked: by oneself, where people are found
 * @typedef {{id: number, seq: number, sender: Sender, content: string, deleted: boolean, hidden?: boolean, attachment?: Shown}} Quote
 * @typedef {{emoji: string, user_ids: number[]}} Reaction
 * @typedef {{kind: "image"|"file", name: string}} Shown  what a message without words shows
 *
 * @typedef {object} Attachment
 * @property {string} id
 * @property {"image"|"file"} kind
 * @property {string} name
 * @property {string} content_type
 * @property {number} size          in bytes
 * @property {?number} width
 * @property {?number} height
 * @property {string} url
 * @property {string} preview_url   of a smaller picture; the same where it is small enough
 *
 * A message and a chat as the server says them. Only the store changes them: all others see a Message and a Chat.
 * @typedef {object} MessageFields
 * @property {number} id
 * @property {number} chat_id
 * @property {number} seq          its place in the chat: 1, 2, 3 … without holes
 * @property {number} revision     the chat's revision at its latest change
 * @property {Sender} sender
 * @property {string} content
 * @property {string} created_at
 * @property {?string} edited_at
 * @property {boolean} deleted
 * @property {boolean} [hidden]    by staff: nobody sees its text until it is restored
 * @property {?Quote} reply_to
 * @property {string} client_message_id
 * @property {Reaction[]} reactions
 * @property {Attachment[]} [attachments]
 *
 * @typedef {{user_id: number, joined_at: string, delivered_seq: number, read_seq?: number}} Cursor  read_seq: where it is shown
 * @typedef {{seq: number, sender: Sender, content: string, created_at: string, deleted: boolean, hidden?: boolean, attachment?: Shown}} LastMessage
 *
 * @typedef {object} ChatFields
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
 * @property {number} mentions         mentions and replies that wait to be seen
 * @property {"all"|"mentions"|"nothing"} notify
 * @property {?string} muted_until
 * @property {string} created_at
 * @property {?LastMessage} last_message
 * @property {Cursor[]} cursors
 * @property {Record<number, string>} errors  by message of one's own: why it was not passed on
 * @property {number[]} present
 * @property {boolean} [closed]        a direct chat in which nothing may be written
 * @property {boolean} [blocked]       because one has blocked the other one oneself
 *
 * @typedef {Held<MessageFields>} Message
 * @typedef {Held<ChatFields>} Chat
 *
 * Asks someone who has left a chat to come back.
 * @typedef {{id: number, title: string, expires_at: string}} Invitation
 *
 * What somebody is told of while looking elsewhere; an invitation has no message.
 * @typedef {object} Notice
 * @property {number} id
 * @property {"mention"|"reply"|"direct"|"invite"|"webhook"|"paused"} kind
 * @property {number} chat_id
 * @property {Sender} actor
 * @property {?{id: number, seq: number, content: string}} message
 * @property {string} created_at
 * @property {boolean} seen
 * @property {Invitation} [invitation]  may be accepted
 *
 * An address that gets the messages of a chat.
 * @typedef {object} Webhook
 * @property {number} id
 * @property {string} name
 * @property {string} url
 * @property {Sender} created_by
 * @property {string} created_at
 * @property {boolean} is_active
 * @property {?string} failing_since
 * @property {?string} switched_off_at
 * @property {string} switched_off_reason  in words; empty where a person did it
 * @property {number} waiting              deliveries; counted up to 1000
 * @property {Sender} owner                who answers for it
 * @property {?Paused} paused
 *
 * Why a webhook does not work: its owner may no longer make it.
 * @typedef {{code: "deleted"|"banned"|"gone"|"demoted"|"not_staff", detail: string}} Paused
 *
 * @typedef {{id: number, name: string, bot: Sender, created_by: Sender, created_at: string, owner: Sender, paused: ?Paused, last_used_at: ?string}} IncomingWebhook
 *
 * One event for one webhook, and what its last try came to.
 * @typedef {object} Delivery
 * @property {number} id
 * @property {string} event_id
 * @property {string} type
 * @property {"waiting"|"delivered"|"given_up"} status
 * @property {number} attempts
 * @property {?number} response_status
 * @property {string} error             in words
 * @property {?number} milliseconds
 * @property {string} created_at
 * @property {?string} finished_at
 * @property {?string} next_attempt_at  while it waits
 *
 * A message on its way, kept in this browser until the server has it.
 * @typedef {object} UnsentMessage
 * @property {string} client_message_id
 * @property {number} chat_id
 * @property {string} content
 * @property {?Quote} reply_to
 * @property {Attachment[]} [attachments]
 * @property {number} written_at       milliseconds
 * @property {number} [wanted_at]      when its writer last said that it should go
 * @property {number} place            order of writing, across tabs
 * @property {string} tab              the tab that sends it
 * @property {"waiting"|"sent"|"failed"|"held"} state
 * @property {?string} reason          why it failed, in words
 * @property {?number} seq             known once it is saved
 */

/**
 * What somebody else holds: to be read, never to be changed, however deep.
 * @template T
 * @typedef {T extends (infer One)[] ? readonly Held<One>[]
 *   : T extends object ? {readonly [Name in keyof T]: Held<T[Name]>} : T} Held
 */
export {};
