/* Trains a model on a Linux board without Python: images of its memory and
 * samples come from files, and the trained state is written back to its file.
 *
 *   train MODEL SAMPLES [EPOCHS]
 *
 * MODEL is the folder that `pock compile` has written. In SAMPLES, a sample is
 * its label (one byte) and 64 brightnesses from 0 to 16 (a byte each); the
 * label 255 ends it. The last fifth of the samples is for testing. */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16, PIXELS = 64, CLASSES = 10, END = 255 };

struct sample {
  unsigned char label, pixels[PIXELS];
};

/* The model's memory, which the caller owns. */
struct model {
  void *constants, *state, *arena;
};

/* Inputs and outputs of the functions; all must be aligned. */
static _Alignas(DIGITS_ALIGNMENT) float x[BATCH][PIXELS];
static _Alignas(DIGITS_ALIGNMENT) int64_t target[BATCH];
static _Alignas(DIGITS_ALIGNMENT) float scores[BATCH][CLASSES];
static _Alignas(DIGITS_ALIGNMENT) float learning_rate = 0.1f;
static _Alignas(DIGITS_ALIGNMENT) float loss;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *allocate(size_t bytes) {
  /* aligned_alloc needs a positive multiple of the alignment. */
  size_t units = bytes / DIGITS_ALIGNMENT + 1;
  void *memory = aligned_alloc(DIGITS_ALIGNMENT, units * DIGITS_ALIGNMENT);
  if (!memory)
    fail("memory");
  return memory;
}

static FILE *open_image(const char *folder, const char *name,
                        const char *mode) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, mode);
  if (!file)
    fail(path);
  return file;
}

/* Read an image and check that it is one of this library; its footer stays
 * behind the segment. */
static void *load(const char *folder, const char *name, size_t bytes,
                  int32_t (*check)(const void *, size_t)) {
  void *memory = allocate(bytes);
  FILE *file = open_image(folder, name, "rb");
  size_t found = fread(memory, 1, bytes, file);
  int32_t code = check(memory, found);
  fclose(file);
  if (code) {
    fprintf(stderr, "%s: not an image of this model: %d\n", name, (int)code);
    exit(1);
  }
  return memory;
}

static size_t read_samples(const char *path, struct sample **samples) {
  FILE *file = fopen(path, "rb");
  if (!file)
    fail(path);
  size_t count = 0, room = 0;
  *samples = NULL;
  for (;;) {
    if (count == room) {
      room = room ? 2 * room : 1024;
      *samples = realloc(*samples, room * sizeof **samples);
      if (!*samples)
        fail("memory");
    }
    struct sample *sample = *samples + count;
    if (fread(&sample->label, 1, 1, file) != 1 || sample->label == END)
      break;
    if (sample->label >= CLASSES ||
        fread(sample->pixels, 1, PIXELS, file) != PIXELS) {
      fprintf(stderr, "%s: sample %zu is none\n", path, count);
      exit(1);
    }
    ++count;
  }
  fclose(file);
  return count;
}

/* Copy a sample into the batch. */
static void fill(int place, const struct sample *sample) {
  for (int index = 0; index < PIXELS; ++index)
    x[place][index] = (float)sample->pixels[index] / 8 - 1;
  target[place] = sample->label;
}

/* Check the code of a function: others than 0 are errors. */
static void check(int32_t code, const char *function) {
  if (code) {
    fprintf(stderr, "%s returned %d\n", function, (int)code);
    exit(1);
  }
}

/* Return the mean loss of the epoch. */
static double train(const struct model *model, struct sample *samples,
                    size_t count) {
  double sum = 0;
  size_t batches = count / BATCH;
  for (size_t index = count - 1; index > 0; --index) { /* shuffle */
    size_t other = (size_t)rand() % (index + 1);
    struct sample sample = samples[index];
    samples[index] = samples[other];
    samples[other] = sample;
  }
  for (size_t batch = 0; batch < batches; ++batch) {
    for (int place = 0; place < BATCH; ++place)
      fill(place, samples + batch * BATCH + place);
    check(digits_step(model->constants, model->state, model->arena, x[0],
                      target, &learning_rate, &loss),
          "digits_step");
    sum += loss;
  }
  return sum / (double)batches;
}

/* Return the number of samples that the model classifies correctly. */
static size_t count_right(const struct model *model,
                          const struct sample *samples, size_t count) {
  size_t right = 0;
  for (size_t begin = 0; begin < count; begin += BATCH) {
    size_t places = count - begin < BATCH ? count - begin : BATCH;
    for (size_t place = 0; place < places; ++place)
      fill((int)place, samples + begin + place);
    check(digits_predict(model->constants, model->state, model->arena, x[0],
                         scores[0]),
          "digits_predict");
    for (size_t place = 0; place < places; ++place) {
      int best = 0;
      for (int class = 1; class < CLASSES; ++class)
        if (scores[place][class] > scores[place][best])
          best = class;
      right += best == target[place];
    }
  }
  return right;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL SAMPLES [EPOCHS]\n", argv[0]);
    return 2;
  }
  int epochs = argc > 3 ? atoi(argv[3]) : 5;
  struct model model = {load(argv[1], "digits.constants.bin",
                             DIGITS_CONSTANTS_IMAGE_BYTES,
                             digits_check_constants),
                        load(argv[1], "digits.state.bin",
                             DIGITS_STATE_IMAGE_BYTES, digits_check_state),
                        allocate(DIGITS_ARENA_BYTES)};
  struct sample *samples;
  size_t count = read_samples(argv[2], &samples);
  size_t test = count / 5, training = count - test;
  if (training < BATCH || !test) {
    fprintf(stderr, "%s: too few samples: %zu\n", argv[2], count);
    return 1;
  }
  printf("%zu samples to train on, %zu to test; state %d bytes, arena %d\n",
         training, test, DIGITS_STATE_BYTES, DIGITS_ARENA_BYTES);
  printf("before: %zu of %zu right\n",
         count_right(&model, samples + training, test), test);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double mean = train(&model, samples, training);
    printf("epoch %d: mean loss %.4f, %zu of %zu right\n", epoch, mean,
           count_right(&model, samples + training, test), test);
  }
  digits_seal_state(model.state);
  FILE *file = open_image(argv[1], "digits.state.bin", "wb");
  if (fwrite(model.state, 1, DIGITS_STATE_IMAGE_BYTES, file) !=
          DIGITS_STATE_IMAGE_BYTES ||
      fclose(file))
    fail("digits.state.bin");
  free(samples);
  free(model.constants);
  free(model.state);
  free(model.arena);
  return 0;
}
