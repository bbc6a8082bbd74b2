// Enough of CUDA to run `kernels.cu` on a CPU: for tests of its arithmetic, its indices and its barriers.
//
// The threads of a block take turns; each has its own stack and gives up its turn at a barrier, in an order that
// is drawn anew each time, so that a missing barrier shows in the numbers.
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

struct Triple { unsigned x, y, z; };
static Triple threadIdx, blockIdx, blockDim, gridDim;

#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __shared__ static

inline float __uint_as_float(unsigned bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T> T atomicAdd(T* place, T value)
{
    T before = *place;
    *place = before + value;
    return before;
}

namespace shim {

constexpr std::size_t STACK = 1 << 16;

struct Thread {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK);
    bool done = false;
};

static ucontext_t scheduler;
static std::vector<Thread> threads;
static Thread* current;
static void (*body)();
static std::mt19937 chance(1);

inline void start()
{
    body();
    current->done = true;
    swapcontext(&current->context, &scheduler);
}

inline void run_block(unsigned count)
{
    if (threads.size() < count) threads.resize(count);
    std::vector<unsigned> order(count);
    for (unsigned t = 0; t < count; ++t) {
        order[t] = t;
        Thread& thread = threads[t];
        thread.done = false;
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = STACK;
        makecontext(&thread.context, start, 0);
    }
    for (bool all = false; !all;) {
        all = true;
        std::shuffle(order.begin(), order.end(), chance);
        for (unsigned t : order) {
            if (threads[t].done) continue;
            current = &threads[t];
            threadIdx = {t, 0, 0};
            swapcontext(&scheduler, &current->context);
            all = all && threads[t].done;
        }
    }
}

// One kernel with its arguments, as a launch through the driver has them: a pointer to each.
template <class... Types> struct Call {
    static void (*kernel)(Types...);
    static void** arguments;

    template <std::size_t... Numbers> static void apply(std::index_sequence<Numbers...>)
    {
        kernel(*static_cast<Types*>(arguments[Numbers])...);
    }
    static void once() { apply(std::index_sequence_for<Types...>()); }
};
template <class... Types> void (*Call<Types...>::kernel)(Types...);
template <class... Types> void** Call<Types...>::arguments;

template <class... Types>
void launch(void (*kernel)(Types...), unsigned blocks, unsigned images, unsigned count, void** arguments)
{
    Call<Types...>::kernel = kernel;
    Call<Types...>::arguments = arguments;
    body = Call<Types...>::once;
    gridDim = {blocks, images, 1};
    blockDim = {count, 1, 1};
    for (unsigned y = 0; y < images; ++y)
        for (unsigned x = 0; x < blocks; ++x) {
            blockIdx = {x, y, 0};
            run_block(count);
        }
}

} // namespace shim

inline void __syncthreads() { swapcontext(&shim::current->context, &shim::scheduler); }
