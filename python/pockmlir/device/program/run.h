/* The interfaces between the parts of a program of `pock run`: run.c, the
 * model's functions (run_model.c, generated), and file access (files_*.c). */
#ifndef RUN_H
#define RUN_H

#include <stddef.h>
#include <stdint.h>

struct run_buffer {
  void *data;
  uint32_t bytes;
};

/* A function of the model: buffers of its inputs, then of its outputs. */
struct run_function {
  uint32_t inputs, outputs;
  const struct run_buffer *buffers;
};

/* Defined in run_model.c. */
extern const struct run_function run_functions[];
extern const uint32_t run_function_count;
extern const struct run_buffer run_state;
int run_load(void); /* fill constants and state; 0 on success */
int32_t run_call(uint32_t function);

/* Defined in files_*.c. */
int file_open(const char *path, int write); /* -1 on failure */
void file_close(int file);
int file_read(int file, void *to,
              uint32_t bytes); /* 1 if all bytes were read */
int file_write(int file, const void *from, uint32_t bytes);
void say(const char *key, uint32_t number); /* a line of the console */
void say_figures(void); /* what is known of the run, as such lines */

/* Fill a buffer from a whole file. */
int file_load(const char *path, void *to, uint32_t bytes);

#endif
