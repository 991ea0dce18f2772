/* What this machine can do at most: fused multiply-adds and copies on full
 * vectors. Compiled with -DVECTOR_BYTES=… and without builtins, lest a loop
 * become memcpy. */

typedef float vec __attribute__((vector_size(VECTOR_BYTES)));

/* Chains that do not wait for each other, more than any pipeline is deep, fewer
 * than there are registers. */
#define CHAINS 12
#define LANES ((long)(VECTOR_BYTES / sizeof(float)))

/* Runs `steps` multiply-adds on every chain; returns how many operations on
 * floats that was. */
long multiply_add(long steps, float *sink) {
  vec factor = (vec){} + 0.5f, term = (vec){} + 1.0f, sums[CHAINS];
  for (int i = 0; i < CHAINS; ++i)
    sums[i] = (vec){} + (float)i;
  for (long step = 0; step < steps; ++step) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; ++i)
      sums[i] = __builtin_elementwise_fma(sums[i], factor, term);
  }
  for (int i = 0; i < CHAINS; ++i)
    *(vec *)sink += sums[i];
  return 2 * steps * CHAINS * LANES;
}

/* Copies `count` vectors, `times` times. */
void copy(vec *to, const vec *from, long count, long times) {
  for (; times; --times) {
#pragma clang loop unroll_count(4)
    for (long i = 0; i < count; ++i)
      to[i] = from[i];
    __asm__ volatile("" ::: "memory");
  }
}

/* The same past the caches. */
void copy_nontemporal(vec *to, const vec *from, long count, long times) {
  for (; times; --times) {
#pragma clang loop unroll_count(4)
    for (long i = 0; i < count; ++i)
      __builtin_nontemporal_store(from[i], &to[i]);
    __asm__ volatile("" ::: "memory");
  }
}
