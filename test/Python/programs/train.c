/* Trains two instances of an exported step in turns: the second sees every
 * batch of the first one step later. Usage: train DIRECTORY STEPS. Reads
 * constants, state and batches there; writes losses and both states. */
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND(size) (((size) + NET_ALIGNMENT) / NET_ALIGNMENT * NET_ALIGNMENT)

static char path[4096];

static FILE *open_file(const char *directory, const char *name,
                       const char *mode) {
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, mode);
  if (!file) {
    perror(path);
    exit(2);
  }
  return file;
}

static void *read_file(const char *directory, const char *name, size_t size) {
  void *memory = aligned_alloc(NET_ALIGNMENT, ROUND(size));
  FILE *file = open_file(directory, name, "rb");
  if (fread(memory, 1, size, file) != size) {
    fprintf(stderr, "%s: too short\n", path);
    exit(2);
  }
  fclose(file);
  return memory;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  int steps = atoi(argv[2]);
  size_t x_bytes = X_ELEMENTS * sizeof(float),
         y_bytes = NET_STEP_TARGET_ELEMENTS * sizeof(int64_t);
  const void *constants =
      read_file(argv[1], "net.constants.bin", NET_CONSTANTS_BYTES);
  float *x = aligned_alloc(NET_ALIGNMENT, ROUND(x_bytes));
  int64_t *y = aligned_alloc(NET_ALIGNMENT, ROUND(y_bytes));
  float *lr = aligned_alloc(NET_ALIGNMENT, ROUND(4)),
        *loss = aligned_alloc(NET_ALIGNMENT, ROUND(4));
  *lr = 0.05f;
  void *state[2], *arena[2];
  FILE *losses = open_file(argv[1], "losses.bin", "wb");
  for (int i = 0; i < 2; ++i) {
    state[i] = read_file(argv[1], "net.state.bin", NET_STATE_BYTES);
    arena[i] = aligned_alloc(NET_ALIGNMENT, ROUND(NET_ARENA_BYTES));
    memset(arena[i], 0xA5, NET_ARENA_BYTES);
  }
  FILE *batches[2] = {open_file(argv[1], "batches.bin", "rb"),
                      open_file(argv[1], "batches.bin", "rb")};
  for (int step = 0; step <= steps; ++step)
    for (int i = 0; i < 2; ++i) {
      if (step - i < 0 || step - i >= steps)
        continue;
      if (fread(x, 1, x_bytes, batches[i]) != x_bytes ||
          fread(y, 1, y_bytes, batches[i]) != y_bytes)
        return 3;
      if (net_step(constants, state[i], arena[i], x, y, lr, loss))
        return 4;
      if (i == 0)
        fwrite(loss, 4, 1, losses);
    }
  fclose(losses);
  for (int i = 0; i < 2; ++i) {
    FILE *file = open_file(argv[1], i ? "second.bin" : "first.bin", "wb");
    fwrite(state[i], 1, NET_STATE_BYTES, file);
    fclose(file);
  }
  return 0;
}
