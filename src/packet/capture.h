/* SPDX-License-Identifier: Apache-2.0 */
/* Where frames come from: capture files (pcap, pcapng), folders of them, standard input, interfaces.
 *
 * Frames come in batches. A batch lives until the next call on the same capture. */
#ifndef VONGLAU_PACKET_CAPTURE_H
#define VONGLAU_PACKET_CAPTURE_H

#include "base/counter.h"
#include "base/error.h"
#include "packet/packet.h"

struct capture;

struct capture_frame {
    uint64_t time;      /* ns since 1970 UTC */
    uint64_t number;    /* 1-based in files, over all of them; 0 live */
    struct bytes data;  /* as captured */
    uint32_t wire_size; /* bytes on the wire */
    uint16_t link_type; /* LINKTYPE_ */
    uint16_t interface; /* pcapng: of its section */
    bool cut;           /* live: it did not fit into its place */
    bool offloaded;     /* live: its checksums are left to a network card, and were not computed yet */
};

enum capture_status {
    CAPTURE_FRAMES, /* there are frames */
    CAPTURE_IDLE,   /* none within the time allowed; try again */
    CAPTURE_BROKEN, /* the file ends in its middle; what comes after it, if anything, is asked for next */
    CAPTURE_END,    /* no more will come */
    CAPTURE_FAILED,
};

/* Frames of this machine, and of virtual ones on it, have checksums that a network card would have filled in.
 */
enum capture_checksums {
    CAPTURE_CHECKSUMS_KERNEL, /* the kernel tells which frames these are */
    CAPTURE_CHECKSUMS_ALL,    /* none is such a frame */
    CAPTURE_CHECKSUMS_NONE,   /* all are */
};

/* Workers of one interface share its frames out among them as members of a group. */
enum capture_fanout {
    CAPTURE_FANOUT_NONE,
    CAPTURE_FANOUT_FRESH, /* the first of a group that nobody else is in: capture_fanout_group() */
    CAPTURE_FANOUT_JOIN,
};

struct capture_settings {
    const char *filter; /* BPF expression (pcap-filter(7)), or NULL */
    uint32_t snaplen;   /* live: most bytes of a frame; 0: 262144 */
    /* Files */
    bool recursive;  /* folders: their folders too */
    bool continuous; /* folders: wait for more files */
    bool remove;     /* each file once it was read to its end */
    /* Live */
    uint8_t fanout;        /* enum capture_fanout */
    uint16_t fanout_group; /* to join; 0 is one too */
    uint8_t checksums;     /* enum capture_checksums */
    uint8_t fanout_mode;   /* PACKET_FANOUT_*; 0 is by flow hash */
    bool promiscuous;
    bool defragment;                  /* fan-out puts fragments together first */
    uint32_t block_size, block_count; /* of the ring: bytes, a power of two; 0: 1 MiB, 32 */
};

#define CAPTURE_COUNTERS(X)                                                                        \
    X(CAPTURE_KERNEL_PACKETS, "capture.kernel_packets", "Packets the kernel delivered or dropped") \
    X(CAPTURE_KERNEL_DROPS, "capture.kernel_drops", "Packets the kernel dropped: ring full")       \
    X(CAPTURE_ERRORS, "capture.errors", "Read errors")                                             \
    X(CAPTURE_FILES, "capture.files", "Capture files opened")                                      \
    X(CAPTURE_FILE_ERRORS, "capture.file_errors", "Capture files that were broken or truncated")   \
    X(CAPTURE_FILTERED, "capture.filtered", "Frames of files that the filter left out")
COUNTER_ENUM(capture_counter, CAPTURE_COUNTERS, CAPTURE_COUNTER_COUNT);
extern const struct counter capture_counters[CAPTURE_COUNTER_COUNT];

/* Opens a capture file, a folder of capture files (in order of modification time), or "-". */
MUST_CHECK struct capture *capture_open_file(const char *path, const struct capture_settings *settings,
                                             struct error *error);
/* Opens `interface` with an AF_PACKET ring; needs CAP_NET_RAW. */
MUST_CHECK struct capture *capture_open_interface(const char *interface,
                                                  const struct capture_settings *settings,
                                                  struct error *error);
void capture_close(struct capture *capture);

/* The next batch: at most `max` frames of one file, their count in `count`. Live captures and
 * waiting folders and pipes return CAPTURE_IDLE after `timeout_ms`. A file that breaks off or cannot be read
 * in a folder is CAPTURE_BROKEN, with its name and place in `error`: its good frames were handed out before.
 */
MUST_CHECK enum capture_status capture_next(struct capture *capture, struct capture_frame *frames, size_t max,
                                            size_t *count, int timeout_ms, struct error *error);
/* Files: the latest batch goes on living in what `memory` becomes, `size` bytes; the capture goes on in what
 * it was: memory of malloc(), or NULL. False without memory: then nothing has changed. */
MUST_CHECK bool capture_keep(struct capture *capture, uint8_t **memory, size_t *size);
/* The file or interface the latest batch came from. */
const char *capture_name(const struct capture *capture);
/* Brings the counters up to date and returns them (CAPTURE_COUNTER_COUNT). */
const uint64_t *capture_counts(struct capture *capture);
/* The fan-out group that an interface is in, when it is in one. */
uint16_t capture_fanout_group(const struct capture *capture);
/* For poll(); -1 for files. */
int capture_descriptor(const struct capture *capture);

#endif
