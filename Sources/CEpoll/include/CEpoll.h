#ifndef CEPOLL_H
#define CEPOLL_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

// What the C library's module for Swift leaves out: epoll(7) and eventfd(2), which are only not listed there, and what is shown to GNU
// sources alone.

/// accept4(2): takes a connection from a listening socket; it does not block, and is closed on exec. Returns its descriptor, or -1 with errno.
///
/// `peer` is a struct sockaddr_storage.
int cepoll_accept(int socket, void *peer, unsigned int *peer_bytes);

/// Names the calling thread, for top(1) and debuggers; of the name they show 15 bytes.
void cepoll_name_thread(const char *name);

/// malloc_trim(3) with no padding: gives whole pages that are free back to the system.
void cepoll_return_freed_memory(void);

#endif
