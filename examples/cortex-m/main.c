/* A device that learns from labelled samples: each sample arrives with the
 * label of a user; the model first predicts the label, then trains on the
 * sample.
 *
 * In the stream, a sample is its label (one byte) and 64 brightnesses from 0 to
 * 16 (a byte each); the label 255 ends it. */
#include "board.h"
#include "digits.h"

enum { PIXELS = 64, CLASSES = 10, END = 255, REPORT_EVERY = 300 };

/* The program places the model's memory. link.ld puts it into RAM, not
 * initialised. */
#define MODEL_MEMORY(name)                                                     \
  __attribute__((section(".model." name), aligned(DIGITS_ALIGNMENT)))
static unsigned char state[DIGITS_STATE_BYTES] MODEL_MEMORY("state");
static unsigned char arena[DIGITS_ARENA_BYTES] MODEL_MEMORY("arena");

/* Inputs and outputs need the alignment, too. */
#define ALIGNED __attribute__((aligned(DIGITS_ALIGNMENT)))
static float x[PIXELS] ALIGNED;
static float scores[CLASSES] ALIGNED;
static int64_t target ALIGNED;
static float loss ALIGNED;
static float learning_rate ALIGNED = 0.05f;

static int best_class(void) {
  int best = 0;
  for (int index = 1; index < CLASSES; ++index)
    if (scores[index] > scores[best])
      best = index;
  return best;
}

static void report(uint32_t samples, uint32_t right, float mean_loss) {
  print_number(samples);
  board_print(" samples: of the last ");
  print_number(REPORT_EVERY);
  board_print(" right: ");
  print_number(right);
  board_print(", mean loss ");
  print_fraction(mean_loss);
  board_print("\n");
}

int main(void) {
  for (uint32_t index = 0; index < sizeof state; ++index)
    state[index] = digits_initial_state[index];

  uint32_t samples = 0, right = 0;
  float losses = 0;
  for (;;) {
    uint8_t sample[1 + PIXELS];
    /* The end of the stream may be the last byte, so the label is read alone.
     */
    if (!board_read(sample, 1) || sample[0] == END)
      break;
    if (!board_read(sample + 1, PIXELS) || sample[0] >= CLASSES) {
      board_print("not a sample\n");
      return 1;
    }
    for (int index = 0; index < PIXELS; ++index)
      x[index] = (float)sample[1 + index] / 8 - 1;
    target = sample[0];

    int failed = digits_predict(digits_constants, state, arena, x, scores) != 0;
    right += best_class() == (int)target;
    failed |= digits_step(digits_constants, state, arena, x, &target,
                          &learning_rate, &loss) != 0;
    if (failed) {
      board_print("the model returned an error\n");
      return 1;
    }
    losses += loss;
    if (++samples % REPORT_EVERY == 0) {
      report(samples, right, losses / REPORT_EVERY);
      right = 0;
      losses = 0;
    }
  }
  board_print("RAM in use: ");
  print_number(ram_used());
  board_print(" bytes with the stack, of which at most ");
  print_number(stack_peak());
  board_print(" were used\n");
  return 0;
}
