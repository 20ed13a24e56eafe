"""Parts that tests share: services, servers, people, sockets, browsers."""
