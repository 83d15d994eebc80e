#ifndef CDATAGRAMS_H
#define CDATAGRAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// Many datagrams with one system call each way: recvmmsg(2) and sendmmsg(2), which the C library shows only to GNU sources.

/// Datagrams of one system call at most.
enum { CDATAGRAMS_MAX = 64 };

/// One datagram that came, and the one that goes back to where it came from.
struct cdatagrams_exchange {
    /// Room for `capacity` bytes, of which `count` came.
    uint8_t *question;
    size_t capacity;
    size_t count;
    /// Bytes to send; none if `answer_count` is 0.
    const uint8_t *answer;
    size_t answer_count;
    struct sockaddr_storage client;
    socklen_t client_bytes;
    /// On a socket for all addresses of the machine: which one the client asked. The answer leaves from there.
    _Alignas(8) uint8_t control[64];
    size_t control_bytes;
};

/// Has the kernel say for each datagram which address it was sent to. Returns 0, or -1 with errno.
int cdatagrams_tell_destination(int socket, int family);

/// Waits for a datagram, takes as many as are there, and fills in the first fields of as many exchanges. Returns their number, or -1 with errno.
int cdatagrams_receive(int socket, struct cdatagrams_exchange *exchanges, int count);

/// Sends the answers of the exchanges that have one, without waiting. Returns how many the kernel did not take.
int cdatagrams_send(int socket, const struct cdatagrams_exchange *exchanges, int count);

#endif
