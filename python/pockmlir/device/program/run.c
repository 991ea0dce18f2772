/* Runs the calls of a model's functions in requests.bin, and writes the
 * outputs.
 *
 * A request is the function's number (uint32) and its inputs, without gaps; the
 * answer in results.bin is its outputs. At the end, the model's state with all
 * trained values is written to state.bin. */
#include "run.h"

enum { OK, NO_MODEL, NO_FILES, BAD_REQUEST, CALL_FAILED };

int file_load(const char *path, void *to, uint32_t bytes) {
  int file = file_open(path, 0);
  if (file < 0)
    return 0;
  int complete = file_read(file, to, bytes);
  file_close(file);
  return complete;
}

/* Return OK when all requests are done. */
static int serve(int requests, int results) {
  uint32_t number;
  while (file_read(requests, &number, sizeof number)) {
    if (number >= run_function_count)
      return BAD_REQUEST;
    const struct run_function *function = &run_functions[number];
    const struct run_buffer *buffer = function->buffers;
    for (uint32_t index = 0; index < function->inputs; ++index, ++buffer)
      if (!file_read(requests, buffer->data, buffer->bytes))
        return BAD_REQUEST;
    int32_t code = run_call(number);
    if (code) {
      say("returned", (uint32_t)code);
      return CALL_FAILED;
    }
    for (uint32_t index = 0; index < function->outputs; ++index, ++buffer)
      if (!file_write(results, buffer->data, buffer->bytes))
        return NO_FILES;
  }
  return OK;
}

int main(void) {
  if (run_load())
    return NO_MODEL;
  int requests = file_open("requests.bin", 0),
      results = file_open("results.bin", 1);
  if (requests < 0 || results < 0)
    return NO_FILES;
  int code = serve(requests, results);
  file_close(requests);
  file_close(results);
  if (code)
    return code;
  int state = file_open("state.bin", 1);
  if (state < 0 || !file_write(state, run_state.data, run_state.bytes))
    return NO_FILES;
  file_close(state);
  say_figures();
  return OK;
}
