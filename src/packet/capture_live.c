/* SPDX-License-Identifier: Apache-2.0 */
/* An interface through an AF_PACKET ring, version 3 (packet(7), Documentation/networking/packet_mmap). */
#include "packet/capture_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "packet/decode.h"

enum { HEADROOM = 16, SNAPLEN = 262144 };

struct capture_ring {
    int fd;
    uint8_t *memory;
    size_t size;
    uint32_t block_size, block_count, block; /* `block`: next to look at */
    bool holding;                            /* the current block is ours */
    uint32_t left;                           /* its frames not yet given out */
    struct tpacket3_hdr *next;
    uint16_t link_type;
    bool loopback;
    uint8_t checksums; /* enum capture_checksums */
    uint16_t fanout_group;
    uint64_t packets, drops;
};

static bool interface_describe(struct capture_ring *ring, const char *interface, struct error *error)
{
    struct ifreq request = { 0 };
    size_t size = strlen(interface);
    if (size == 0 || size >= sizeof request.ifr_name)
        return error_set(error, "interface \"%.32s\": no such name", interface);
    memcpy(request.ifr_name, interface, size);
    if (ioctl(ring->fd, SIOCGIFHWADDR, &request) < 0)
        return error_system(error, "interface %s", interface);
    switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_LOOPBACK:
        ring->loopback = true;
        ring->link_type = LINK_ETHERNET;
        break;
    case ARPHRD_ETHER:
        ring->link_type = LINK_ETHERNET;
        break;
    default: /* point to point and tunnels without a link header */
        ring->link_type = LINK_RAW;
    }
    return true;
}

static bool filter_attach(struct capture_ring *ring, const char *filter, uint32_t snaplen,
                          struct error *error)
{
    struct bpf_program program;
    if (!capture_compile(filter, ring->link_type, snaplen, &program, error))
        return false;
    /* The kernel's instruction has the layout of libpcap's; struct bpf_insn is an ABI of both. */
    struct sock_fprog kernel = { .len = (unsigned short)program.bf_len,
                                 .filter = (struct sock_filter *)program.bf_insns };
    bool done = setsockopt(ring->fd, SOL_SOCKET, SO_ATTACH_FILTER, &kernel, sizeof kernel) == 0 ||
                error_system(error, "cannot attach the filter");
    pcap_freecode(&program);
    return done;
}

static bool ring_map(struct capture_ring *ring, const struct capture_settings *settings, struct error *error)
{
    int version = TPACKET_V3, reserve = HEADROOM;
    ring->block_size = settings->block_size ? settings->block_size : 1U << 20;
    ring->block_count = settings->block_count ? settings->block_count : 32;
    struct tpacket_req3 request = { .tp_block_size = ring->block_size,
                                    .tp_block_nr = ring->block_count,
                                    .tp_frame_size = 2048,
                                    .tp_frame_nr = ring->block_size / 2048 * ring->block_count,
                                    .tp_retire_blk_tov = 20,
                                    .tp_feature_req_word = TP_FT_REQ_FILL_RXHASH };
    if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(ring->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof reserve) < 0 ||
        setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0)
        return error_system(error, "cannot set up a ring of %u blocks of %u bytes", ring->block_count,
                            ring->block_size);
    ring->size = (size_t)ring->block_size * ring->block_count;
    void *memory = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (memory == MAP_FAILED)
        return error_system(error, "cannot map the ring");
    ring->memory = memory;
    return true;
}

/* A group belongs to the whole machine: who joins one of another program takes a part of its packets away. So
 * the kernel chooses the number, unless the settings do. */
static bool fanout_join(struct capture_ring *ring, const char *interface,
                        const struct capture_settings *settings, struct error *error)
{
    unsigned mode = settings->fanout_mode ? settings->fanout_mode : PACKET_FANOUT_HASH;
    if (settings->defragment)
        mode |= PACKET_FANOUT_FLAG_DEFRAG;
    bool fresh = settings->fanout == CAPTURE_FANOUT_FRESH;
    if (fresh)
        mode |= PACKET_FANOUT_FLAG_UNIQUEID;
    int fanout = (int)(mode << 16 | (fresh ? 0U : settings->fanout_group));
    socklen_t size = sizeof fanout;
    if (setsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &fanout, size) < 0 ||
        getsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &fanout, &size) < 0)
        return error_system(error, "interface %s: cannot join fan-out group %u", interface,
                            settings->fanout_group);
    ring->fanout_group = (uint16_t)(fanout & 0xffff);
    return true;
}

static bool ring_bind(struct capture_ring *ring, const char *interface,
                      const struct capture_settings *settings, struct error *error)
{
    struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                   .sll_protocol = htons(ETH_P_ALL),
                                   .sll_ifindex = (int)if_nametoindex(interface) };
    if (address.sll_ifindex == 0)
        return error_system(error, "interface %s", interface);
    if (bind(ring->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return error_system(error, "cannot bind to %s", interface);
    if (settings->promiscuous) {
        struct packet_mreq member = { .mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
        if (setsockopt(ring->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof member) < 0)
            return error_system(error, "cannot make %s promiscuous", interface);
    }
    return settings->fanout == CAPTURE_FANOUT_NONE || fanout_join(ring, interface, settings, error);
}

struct capture_ring *capture_ring_open(const char *interface, const struct capture_settings *settings,
                                       struct error *error)
{
    struct capture_ring *ring = calloc(1, sizeof *ring);
    if (!ring) {
        error_set(error, "out of memory");
        return NULL;
    }
    ring->checksums = settings->checksums;
    /* No protocol yet: nothing arrives before the filter and the ring stand. */
    ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (ring->fd < 0) {
        error_system(error, "interface %s: cannot open a packet socket, which takes root or CAP_NET_RAW",
                     interface);
        free(ring);
        return NULL;
    }
    uint32_t snaplen = settings->snaplen ? settings->snaplen : SNAPLEN;
    if (!interface_describe(ring, interface, error) ||
        (settings->filter && *settings->filter && !filter_attach(ring, settings->filter, snaplen, error)) ||
        !ring_map(ring, settings, error) || !ring_bind(ring, interface, settings, error)) {
        capture_ring_close(ring);
        return NULL;
    }
    return ring;
}

void capture_ring_close(struct capture_ring *ring)
{
    if (!ring)
        return;
    if (ring->memory)
        munmap(ring->memory, ring->size);
    close(ring->fd);
    free(ring);
}

static struct tpacket_block_desc *ring_block(struct capture_ring *ring)
{
    return (struct tpacket_block_desc *)(void *)(ring->memory + (size_t)ring->block * ring->block_size);
}

/* Puts a VLAN tag that the network card took off back in front of the EtherType. */
static void vlan_restore(const struct tpacket3_hdr *header, struct capture_frame *frame)
{
    if (!(header->tp_status & TP_STATUS_VLAN_VALID) || frame->data.size < 14)
        return;
    uint8_t *from = (uint8_t *)(uintptr_t)frame->data.data, *to = from - 4;
    uint16_t type = header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->hv1.tp_vlan_tpid : ETH_P_8021Q;
    memmove(to, from, 12);
    to[12] = (uint8_t)(type >> 8);
    to[13] = (uint8_t)type;
    to[14] = (uint8_t)(header->hv1.tp_vlan_tci >> 8);
    to[15] = (uint8_t)header->hv1.tp_vlan_tci;
    frame->data = (struct bytes){ to, frame->data.size + 4 };
    frame->wire_size += 4;
}

static size_t ring_take(struct capture_ring *ring, struct capture_frame *frames, size_t max)
{
    size_t count = 0;
    while (ring->left && count < max) {
        struct tpacket3_hdr *header = ring->next;
        ring->left--;
        ring->next = (struct tpacket3_hdr *)(void *)((uint8_t *)header + header->tp_next_offset);
        /* The sender's address follows the header, aligned (TPACKET_ALIGN). */
        const struct sockaddr_ll *from = (const struct sockaddr_ll *)(const void *)((const uint8_t *)header +
                                                                                    ((sizeof *header + 15U) &
                                                                                     ~15U));
        if (ring->loopback && from->sll_pkttype == PACKET_OUTGOING)
            continue; /* it comes in as well */
        frames[count] = (struct capture_frame){
            .time = header->tp_sec * NS_PER_S + header->tp_nsec,
            .wire_size = header->tp_len,
            .data = { (const uint8_t *)header + header->tp_mac, header->tp_snaplen },
            .link_type = ring->link_type,
            .cut = header->tp_snaplen < header->tp_len,
            .offloaded = ring->checksums == CAPTURE_CHECKSUMS_NONE ||
                         (ring->checksums == CAPTURE_CHECKSUMS_KERNEL &&
                          header->tp_status & TP_STATUS_CSUMNOTREADY),
        };
        if (ring->link_type == LINK_ETHERNET)
            vlan_restore(header, &frames[count]);
        count++;
    }
    return count;
}

enum capture_status capture_ring_next(struct capture_ring *ring, struct capture_frame *frames, size_t max,
                                      size_t *count, int timeout_ms, struct error *error)
{
    *count = 0;
    for (bool waited = false;;) {
        struct tpacket_block_desc *block = ring_block(ring);
        if (ring->holding && ring->left == 0) {
            __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
            ring->holding = false;
            ring->block = (ring->block + 1) % ring->block_count;
            block = ring_block(ring);
        }
        if (!ring->holding &&
            __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) {
            ring->holding = true;
            ring->left = block->hdr.bh1.num_pkts;
            ring->next = (struct tpacket3_hdr *)(void *)((uint8_t *)block +
                                                         block->hdr.bh1.offset_to_first_pkt);
        }
        if (ring->holding) {
            *count = ring_take(ring, frames, max);
            if (*count)
                return CAPTURE_FRAMES;
            continue;
        }
        if (waited)
            return CAPTURE_IDLE;
        struct pollfd wait = { .fd = ring->fd, .events = POLLIN | POLLERR };
        int ready = poll(&wait, 1, timeout_ms);
        if (ready < 0 && errno != EINTR) {
            error_system(error, "cannot wait for packets");
            return CAPTURE_FAILED;
        }
        if (ready > 0 && wait.revents & (POLLERR | POLLHUP | POLLNVAL)) {
            int code = 0;
            socklen_t size = sizeof code;
            (void)getsockopt(ring->fd, SOL_SOCKET, SO_ERROR, &code, &size);
            if (code == ENETDOWN) /* it may come up again */
                return CAPTURE_IDLE;
            errno = code;
            error_system(error, "the interface failed");
            return CAPTURE_FAILED;
        }
        waited = true;
    }
}

void capture_ring_counts(struct capture_ring *ring, uint64_t *counts)
{
    struct tpacket_stats_v3 since = { 0 };
    socklen_t size = sizeof since;
    /* The kernel counts from zero again after each look. */
    if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &since, &size) == 0) {
        ring->packets += since.tp_packets;
        ring->drops += since.tp_drops;
    }
    counts[CAPTURE_KERNEL_PACKETS] = ring->packets;
    counts[CAPTURE_KERNEL_DROPS] = ring->drops;
}

int capture_ring_descriptor(const struct capture_ring *ring)
{
    return ring->fd;
}

uint16_t capture_ring_fanout(const struct capture_ring *ring)
{
    return ring->fanout_group;
}
