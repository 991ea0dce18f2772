/* Trains a model on a graphics processor without Python: shaders and images of
 * its memory come from files, and the trained state is written back to its
 * file.
 *
 *   train MODEL BATCHES [EPOCHS]
 *
 * MODEL is the folder that `pock compile` has written. BATCHES has one batch
 * after the other: the pixels of all its samples, then their labels. The last
 * fifth of the batches is for testing. */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16, PIXELS = 64, CLASSES = 10 };

struct batch {
  float x[BATCH][PIXELS];
  int64_t target[BATCH];
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Ends the program if the runtime or the model reports an error. */
static void check(int code, const char *function) {
  if (!code)
    return;
  fprintf(stderr, "%s returned %d: %s\n", function, code,
          code < 0 ? pock_vulkan_error() : "see digits.h");
  exit(1);
}

static FILE *open_file(const char *folder, const char *name, const char *mode) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, mode);
  if (!file)
    fail(path);
  return file;
}

static void *read_file(FILE *file, size_t *bytes) {
  fseek(file, 0, SEEK_END);
  *bytes = (size_t)ftell(file);
  rewind(file);
  void *content = malloc(*bytes + 1);
  if (!content || fread(content, 1, *bytes, file) != *bytes)
    fail("reading");
  fclose(file);
  return content;
}

/* Copies an image to the step, after checking that it is one of this model. */
static void load(pock_vulkan_step *step, const char *folder, const char *name,
                 int segment, size_t size,
                 int32_t (*is_valid)(const void *, size_t)) {
  size_t bytes;
  void *image = read_file(open_file(folder, name, "rb"), &bytes);
  int32_t code = is_valid(image, bytes);
  if (code) {
    fprintf(stderr, "%s: not an image of this model: %d\n", name, (int)code);
    exit(1);
  }
  check(pock_vulkan_write(step, segment, 0, image, size), name);
  free(image);
}

static void save(pock_vulkan_step *step, const char *folder) {
  void *image = calloc(1, DIGITS_STATE_IMAGE_BYTES);
  if (!image)
    fail("memory");
  check(pock_vulkan_read(step, POCK_VULKAN_STATE, 0, image, DIGITS_STATE_BYTES),
        "pock_vulkan_read");
  digits_seal_state(image);
  FILE *file = open_file(folder, "digits.state.bin", "wb");
  if (fwrite(image, 1, DIGITS_STATE_IMAGE_BYTES, file) !=
          DIGITS_STATE_IMAGE_BYTES ||
      fclose(file))
    fail("digits.state.bin");
  free(image);
}

static double train(pock_vulkan_step *step, const struct batch *batches,
                    size_t count) {
  float learning_rate = 0.1f, loss;
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    check(digits_step(step, batches[i].x[0], batches[i].target, &learning_rate,
                      &loss),
          "digits_step");
    sum += loss;
  }
  return sum / (double)count;
}

static size_t count_right(pock_vulkan_step *step, const struct batch *batches,
                          size_t count) {
  static float scores[BATCH][CLASSES];
  size_t right = 0;
  for (size_t i = 0; i < count; ++i) {
    check(digits_predict(step, batches[i].x[0], scores[0]), "digits_predict");
    for (int place = 0; place < BATCH; ++place) {
      int best = 0;
      for (int class = 1; class < CLASSES; ++class)
        if (scores[place][class] > scores[place][best])
          best = class;
      right += best == batches[i].target[place];
    }
  }
  return right;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL BATCHES [EPOCHS]\n", argv[0]);
    return 2;
  }
  int epochs = argc > 3 ? atoi(argv[3]) : 5;
  size_t shader_bytes, plan_bytes, bytes;
  void *shaders =
           read_file(open_file(argv[1], "digits.spv", "rb"), &shader_bytes),
       *plan = read_file(open_file(argv[1], "digits.plan", "rb"), &plan_bytes);
  pock_vulkan_device *device;
  pock_vulkan_step *step;
  check(pock_vulkan_open(NULL, &device), "pock_vulkan_open");
  check(
      pock_vulkan_load(device, shaders, shader_bytes, plan, plan_bytes, &step),
      "pock_vulkan_load");
  free(shaders);
  free(plan);
  load(step, argv[1], "digits.constants.bin", POCK_VULKAN_CONSTANTS,
       DIGITS_CONSTANTS_BYTES, digits_check_constants);
  load(step, argv[1], "digits.state.bin", POCK_VULKAN_STATE, DIGITS_STATE_BYTES,
       digits_check_state);

  struct batch *batches = read_file(open_file(".", argv[2], "rb"), &bytes);
  size_t count = bytes / sizeof *batches, test = count / 5,
         training = count - test;
  if (!test) {
    fprintf(stderr, "%s: too few batches: %zu\n", argv[2], count);
    return 1;
  }
  printf("before: %zu of %zu right\n",
         count_right(step, batches + training, test), test * BATCH);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double mean = train(step, batches, training);
    printf("epoch %d: mean loss %.4f, %zu of %zu right\n", epoch, mean,
           count_right(step, batches + training, test), test * BATCH);
  }
  save(step, argv[1]);
  pock_vulkan_unload(step);
  pock_vulkan_close(device);
  free(batches);
  return 0;
}
