"""What a person can ask for: one function per request, whichever door it comes through.

# Note [One function per request]: each takes the person and the fields (chat/wire/fields.py), says
# under which row of the table of limits it stands (chat/limits/doors.py), and returns its payload,
# `Made`, or None where there is nothing to say. Doors only translate: the socket a frame
# (chat/live/frames.py), HTTP a body, a query and the ids of an address (chat/http/api.py); what
# only HTTP asks for is a request like any other, and its route names it. What a field may be is
# read here, each in one place. Only `message.send` and `receipt` have a road of their own on a
# socket, joined with others' (chat/live/poster.py, chat/live/receipt_buffer.py): they share
# `new_post`, `posted_payload` and `cursors_of`.
"""
