/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files of arbitrary bytes, read from a file without a name. */
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture_frame frames[8];
    struct error error;
    char path[64];
    int fd = memfd_create("capture", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct capture *capture = capture_open_file(path, NULL, &error);
    volatile uint8_t touched = 0;
    uint64_t number = 0;
    size_t count;
    while (capture && capture_next(capture, frames, COUNT_OF(frames), &count, 0, &error) == CAPTURE_FRAMES) {
        assert(count > 0 && count <= COUNT_OF(frames));
        for (size_t i = 0; i < count; i++) {
            assert(frames[i].number == ++number);
            for (size_t k = 0; k < frames[i].data.size; k++)
                touched ^= frames[i].data.data[k];
        }
    }
    (void)touched;
    capture_close(capture);
    close(fd);
    return 0;
}
