/* Checks and seals images with the functions of an exported header, as C and as
 * C++.
 *
 *   image state FILE      prints what net_check_state returns for the file
 *   image constants FILE  the same for net_check_constants
 *   image seal FILE       reads a state, and writes it back with a footer
 *   image sizes           prints the header's macros */
#include "net.h"
#include <stdio.h>
#include <string.h>

static unsigned char image[1 << 20];

static size_t read_image(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return 0;
  size_t bytes = fread(image, 1, sizeof image, file);
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc == 2) {
    printf("%d %d %d %llx %llx\n", NET_ABI_VERSION, NET_STATE_BYTES,
           NET_STATE_IMAGE_BYTES, (unsigned long long)NET_LAYOUT_HASH,
           (unsigned long long)NET_FROZEN_HASH);
    return 0;
  }
  if (argc != 3)
    return 2;
  size_t bytes = read_image(argv[2]);
  if (!strcmp(argv[1], "state"))
    printf("%d\n", (int)net_check_state(image, bytes));
#ifdef CONSTANTS
  if (!strcmp(argv[1], "constants"))
    printf("%d\n", (int)net_check_constants(image, bytes));
#endif
  if (!strcmp(argv[1], "seal")) {
    net_seal_state(image);
    FILE *file = fopen(argv[2], "wb");
    if (!file ||
        fwrite(image, 1, NET_STATE_IMAGE_BYTES, file) != NET_STATE_IMAGE_BYTES)
      return 2;
    fclose(file);
  }
  return 0;
}
