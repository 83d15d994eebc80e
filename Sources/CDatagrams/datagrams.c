#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

int cdatagrams_tell_destination(int socket, int family) {
    int on = 1;
    if (family == AF_INET6) return setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    return setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

int cdatagrams_receive(int socket, struct cdatagrams_exchange *exchanges, int count) {
    struct mmsghdr headers[CDATAGRAMS_MAX];
    struct iovec vectors[CDATAGRAMS_MAX];
    if (count > CDATAGRAMS_MAX) count = CDATAGRAMS_MAX;
    for (int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){.iov_base = exchanges[i].question, .iov_len = exchanges[i].capacity};
        headers[i].msg_hdr = (struct msghdr){
            .msg_name = &exchanges[i].client,
            .msg_namelen = sizeof exchanges[i].client,
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
            .msg_control = exchanges[i].control,
            .msg_controllen = sizeof exchanges[i].control,
        };
    }
    int received = recvmmsg(socket, headers, count, MSG_WAITFORONE, NULL);
    for (int i = 0; i < received; i++) {
        exchanges[i].count = headers[i].msg_len;
        exchanges[i].client_bytes = headers[i].msg_hdr.msg_namelen;
        exchanges[i].control_bytes = headers[i].msg_hdr.msg_controllen;
        exchanges[i].answer_count = 0;
    }
    return received;
}

// The address the question went to becomes the one the answer comes from. Which way it leaves is the routing table's business, but for
// addresses that mean something on one link only.
static void forget_interface(struct msghdr *header) {
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(item), &info, sizeof info);
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(item), &info, sizeof info);
        }
    }
}

int cdatagrams_send(int socket, const struct cdatagrams_exchange *exchanges, int count) {
    struct mmsghdr headers[CDATAGRAMS_MAX];
    struct iovec vectors[CDATAGRAMS_MAX];
    int ready = 0;
    if (count > CDATAGRAMS_MAX) count = CDATAGRAMS_MAX;
    for (int i = 0; i < count; i++) {
        if (exchanges[i].answer_count == 0) continue;
        vectors[ready] = (struct iovec){.iov_base = (void *)exchanges[i].answer, .iov_len = exchanges[i].answer_count};
        headers[ready].msg_hdr = (struct msghdr){
            .msg_name = (void *)&exchanges[i].client,
            .msg_namelen = exchanges[i].client_bytes,
            .msg_iov = &vectors[ready],
            .msg_iovlen = 1,
            .msg_control = exchanges[i].control_bytes == 0 ? NULL : (void *)exchanges[i].control,
            .msg_controllen = exchanges[i].control_bytes,
        };
        if (exchanges[i].control_bytes != 0) forget_interface(&headers[ready].msg_hdr);
        ready++;
    }
    int failed = 0;
    for (int done = 0; done < ready;) {
        int sent = sendmmsg(socket, headers + done, (unsigned)(ready - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return failed + ready - done;
        } else if (errno != EINTR) {
            // This one cannot be sent, for instance to an address that somebody has forged.
            failed++;
            done++;
        }
    }
    return failed;
}
