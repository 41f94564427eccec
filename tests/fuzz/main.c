/* SPDX-License-Identifier: Apache-2.0 */
/* Plays files through a fuzz target that was built without libFuzzer. usage: fuzz-... FILE... */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    static uint8_t memory[1 << 20];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        size_t size = fread(memory, 1, sizeof memory, file);
        fclose(file);
        uint8_t *copy = malloc(size + 1); /* of exact size, so that the sanitizer sees its end */
        if (!copy)
            return 1;
        for (size_t k = 0; k < size; k++)
            copy[k] = memory[k];
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
    printf("%d files played\n", argc - 1);
    return 0;
}
