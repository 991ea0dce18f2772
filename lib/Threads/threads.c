/* threads.c - the threads of compiled steps.
 *
 * A step's library runs a parallel kernel by `GOMP_parallel`, which calls a
 * function once for each thread's share of the work, and which any runtime of
 * OpenMP defines. In Python, steps are linked to this one instead, under the
 * names that `ld --wrap` gives. It differs in three ways:
 *
 * - Threads that have nothing to do spin for microseconds only, then sleep. A
 *   spinning thread takes a core away from whoever shares the machine.
 * - The calling thread does the shares that no other thread has begun yet. So
 *   a thread that gets no core delays nobody.
 * - It works after a fork.
 *
 * Others' threads, such as PyTorch's, are not touched. Results do not depend on
 * the number of threads.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Limit of the number of threads: one bit of a mask for each share. */
enum { MOST = 32 };

/* About how often a thread looks for work before it sleeps: some 20
 * microseconds, longer than the gaps between the kernels of a step. */
enum { SPINS = 600 };

typedef void (*Function)(void *);

static struct {
  pthread_mutex_t mutex; /* held while a team works */
  int wanted;            /* threads of a team; 0: not known yet */
  int started;           /* threads, without the caller's */
  /* The work. A thread may read it after it has claimed a share. */
  Function function;
  void *data;
  int count;
  /* The number of the work in the upper half, claimed shares in the lower. */
  _Atomic uint64_t claims;
  _Atomic uint32_t number;   /* of the work; threads wait for a change */
  _Atomic uint32_t sleeping; /* threads that wait in the kernel */
  _Atomic uint32_t done;     /* shares */
  _Atomic uint32_t waiting;  /* whether the caller waits in the kernel */
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Of the share that a thread does. */
static __thread int share_number, share_count = 1;

static void wait_while(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

/* Claims a share of the work `number`; returns 0 if somebody has. */
static int claim(uint32_t number, int share) {
  uint64_t seen = atomic_load(&pool.claims);
  while (seen >> 32 == number && !(seen >> share & 1))
    if (atomic_compare_exchange_weak(&pool.claims, &seen,
                                     seen | UINT64_C(1) << share))
      return 1;
  return 0;
}

/* Calls the function for share `number` of `count`. */
static void call(Function function, void *data, int number, int count) {
  int number_before = share_number, count_before = share_count;
  share_number = number;
  share_count = count;
  function(data);
  share_number = number_before;
  share_count = count_before;
}

/* Does a claimed share. */
static void run_share(int share) {
  uint32_t count = (uint32_t)pool.count;
  call(pool.function, pool.data, share, pool.count);
  if (atomic_fetch_add(&pool.done, 1) + 1 == count &&
      atomic_load(&pool.waiting))
    wake_all(&pool.done);
}

struct Start {
  int share;
  uint32_t number;
};

static void *work(void *argument) {
  struct Start start = *(struct Start *)argument;
  free(argument);
  uint32_t seen = start.number;
  for (;;) {
    int spins = 0;
    while (atomic_load_explicit(&pool.number, memory_order_acquire) == seen)
      if (++spins < SPINS) {
        pause_briefly();
      } else {
        atomic_fetch_add(&pool.sleeping, 1);
        wait_while(&pool.number, seen);
        atomic_fetch_sub(&pool.sleeping, 1);
      }
    seen = atomic_load(&pool.number);
    if (claim(seen, start.share))
      run_share(start.share);
  }
  return NULL;
}

/* The threads of the parent do not exist in a child. */
static void forget(void) {
  pthread_mutex_init(&pool.mutex, NULL);
  pool.started = 0;
  atomic_store(&pool.sleeping, 0);
}

static int default_count(void) {
  const char *text = getenv("OMP_NUM_THREADS");
  long wanted = text ? strtol(text, NULL, 10) : 0;
  if (wanted <= 0) {
    cpu_set_t cores;
    wanted = sched_getaffinity(0, sizeof cores, &cores) == 0
                 ? CPU_COUNT(&cores)
                 : sysconf(_SC_NPROCESSORS_ONLN);
  }
  return wanted < 1 ? 1 : wanted > MOST ? MOST : (int)wanted;
}

/* Starts threads until there are `count`, the caller included; returns how
 * many there are. */
static int start_threads(int count) {
  static int registered;
  if (!registered)
    registered = pthread_atfork(NULL, NULL, forget) == 0;
  while (pool.started + 1 < count) {
    struct Start *start = malloc(sizeof *start);
    if (!start)
      break;
    start->share = pool.started + 1;
    start->number = atomic_load(&pool.number);
    /* Signals are for the threads of the program. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int failed = pthread_create(&thread, &attributes, work, start);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
      free(start);
      break;
    }
    ++pool.started;
  }
  return pool.started + 1 < count ? pool.started + 1 : count;
}

/* GOMP_parallel: calls the function in a team, and returns when all have. A
 * caller that finds the threads at work for another does all itself. */
void __wrap_GOMP_parallel(Function function, void *data, unsigned count,
                          unsigned flags) {
  (void)flags;
  if (pthread_mutex_trylock(&pool.mutex) != 0) {
    call(function, data, 0, 1);
    return;
  }
  if (!pool.wanted)
    pool.wanted = default_count();
  int wanted = count && count < MOST ? (int)count : pool.wanted;
  int team = wanted > 1 ? start_threads(wanted) : 1;
  if (team == 1) {
    call(function, data, 0, 1);
    pthread_mutex_unlock(&pool.mutex);
    return;
  }
  pool.function = function;
  pool.data = data;
  pool.count = team;
  atomic_store(&pool.done, 0);
  uint32_t number = atomic_load(&pool.number) + 1;
  /* Shares that do not exist are claimed already, and so is the caller's. */
  uint64_t absent = team == MOST ? 0 : UINT32_MAX << team & UINT32_MAX;
  atomic_store(&pool.claims, (uint64_t)number << 32 | absent | 1);
  atomic_store(&pool.number, number);
  if (atomic_load(&pool.sleeping))
    wake_all(&pool.number);
  for (int share = 0; share < team; ++share)
    if (share == 0 || claim(number, share))
      run_share(share);
  int spins = 0;
  uint32_t done;
  while ((done = atomic_load(&pool.done)) < (uint32_t)team)
    if (++spins < SPINS) {
      pause_briefly();
    } else {
      atomic_store(&pool.waiting, 1);
      wait_while(&pool.done, done);
      atomic_store(&pool.waiting, 0);
    }
  pthread_mutex_unlock(&pool.mutex);
}

int __wrap_omp_get_thread_num(void) { return share_number; }
int __wrap_omp_get_num_threads(void) { return share_count; }

/* Sets the number of threads of a team, from the next one on. */
void pock_set_num_threads(int count) {
  pthread_mutex_lock(&pool.mutex);
  pool.wanted = count < 1 ? 1 : count > MOST ? MOST : count;
  pthread_mutex_unlock(&pool.mutex);
}

int pock_get_num_threads(void) {
  pthread_mutex_lock(&pool.mutex);
  if (!pool.wanted)
    pool.wanted = default_count();
  int count = pool.wanted;
  pthread_mutex_unlock(&pool.mutex);
  return count;
}
