#define _GNU_SOURCE
#include "CEpoll.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/socket.h>

int cepoll_accept(int socket, void *peer, unsigned int *peer_bytes) {
    return accept4(socket, peer, peer_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void cepoll_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

void cepoll_return_freed_memory(void) {
    malloc_trim(0);
}
