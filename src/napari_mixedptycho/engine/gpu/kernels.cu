// The chunk of `View` on a GPU: everything between two transforms in one pass over memory.
//
// Compiled by NVRTC when a run begins, and by g++ in the tests; so it includes nothing. `twins.py` holds each
// kernel in NumPy, with the same arguments. Waves are (position, state, mode, y, x), images last and contiguous,
// complex64. A grid has the pixels of one image along x and the images along y. Transforms between the kernels
// are not scaled: `factor` makes up for it.

#define THREADS 256
#define TILE 4 // modes whose sums a thread holds in registers

struct __align__(8) Complex { float x, y; };

// What a kernel must know of its chunk; `chunk.py` packs it, field by field.
struct Chunk {
    int positions, states, modes, slices;
    int size, detector;             // edge of a window and of the computed far field; of a pattern
    int height, width;              // of the object
    int top, left, rows, columns;   // of the part of it whose gradient is summed
    int slice;                      // the one to pass
    int adjoint;                    // 1: with the conjugate of the propagator
    int tilted;                     // 1: each position has a ramp along y and x to its propagator
    int stored;                     // what the patterns are: uint8, uint16, uint32, float16, float32
    int loss;                       // intensity, amplitude, Poisson
    int object_wanted, waves_wanted; // 1: this gradient is wanted
    float factor;
    float electrons;                // per stored unit
    float background;               // of the prediction in each pixel, as a part of a pattern's electrons
    float fixed;                    // units per 1 of the sums in fixed point; 0: sums are floating
};

__device__ __forceinline__ Complex times(Complex a, Complex b)
{
    return Complex{a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x};
}

// a times the conjugate of b
__device__ __forceinline__ Complex times_conjugate(Complex a, Complex b)
{
    return Complex{a.x * b.x + a.y * b.y, a.y * b.x - a.x * b.y};
}

__device__ __forceinline__ float power_of(Complex a) { return a.x * a.x + a.y * a.y; }

// Number of this thread's pixel in an image.
__device__ __forceinline__ int own_pixel() { return blockIdx.x * THREADS + threadIdx.x; }

// First number of an image in a stack of images.
__device__ __forceinline__ long long image(long long number, int pixels) { return number * pixels; }

// The object under a pixel of a window.
__device__ __forceinline__ long long under(const int* corners, int position, int state, int pixel, const Chunk& chunk)
{
    int y = corners[2 * position] + pixel / chunk.size, x = corners[2 * position + 1] + pixel % chunk.size;
    long long plane = (long long)state * chunk.slices + chunk.slice;
    return (plane * chunk.height + y) * chunk.width + x;
}

// Adds to the object's gradient under a pixel of a window.
__device__ __forceinline__ void accumulate(
    void* total, const int* corners, int position, int state, int pixel, const Chunk& chunk, Complex value)
{
    int y = corners[2 * position] - chunk.top + pixel / chunk.size;
    int x = corners[2 * position + 1] - chunk.left + pixel % chunk.size;
    long long plane = (long long)state * chunk.slices + chunk.slice;
    long long place = (plane * chunk.rows + y) * chunk.columns + x;
    if (chunk.fixed > 0.0f) {
        // Integers add up to the same sum in any order; negative ones wrap around as they should.
        unsigned long long* sum = (unsigned long long*)total + 2 * place;
        atomicAdd(sum, (unsigned long long)llrintf(value.x * chunk.fixed));
        atomicAdd(sum + 1, (unsigned long long)llrintf(value.y * chunk.fixed));
        return;
    }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    atomicAdd((float2*)total + place, make_float2(value.x, value.y));
#else
    float* sum = (float*)total + 2 * place;
    atomicAdd(sum, value.x);
    atomicAdd(sum + 1, value.y);
#endif
}

// The factor of one frequency that shifts a wave or tilts its flight.
__device__ __forceinline__ Complex ramp(const Complex* ramps, int row, int pixel, int size)
{
    const Complex* along = ramps + (long long)row * 2 * size;
    return times(along[pixel / size], along[size + pixel % size]);
}

// Frequency number `index` of `size`, zero first, in cycles per pixel.
__device__ __forceinline__ float frequency(int index, int size)
{
    return (float)(index < (size + 1) / 2 ? index : index - size) / (float)size;
}

// Sums over the threads of a block; thread 0 gets the sum, the others nothing. All threads must come here.
__device__ __forceinline__ float sum_of_block(float value, float* shared)
{
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    return shared[0]; // of thread 0: which alone writes here when the next sum begins
}

// --- the way to the detector ------------------------------------------------------------------------------

// waves(position, mode) = spectrum(mode), shifted to the position.
extern "C" __global__ void __launch_bounds__(THREADS)
shift(const Complex* spectrum, const Complex* ramps, const int* rows, Complex* waves, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        Complex turn = ramp(ramps, rows[p], pixel, chunk.size);
        turn.x *= chunk.factor;
        turn.y *= chunk.factor;
        for (int m = 0; m < chunk.modes; ++m) {
            Complex wave = spectrum[image(m, pixels) + pixel];
            waves[image((long long)p * chunk.modes + m, pixels) + pixel] = times(wave, turn);
        }
    }
}

// Multiplies by the object under the window. `sharing` states share one incident wave.
__device__ __forceinline__ void pass(
    const Complex* incident, int sharing, const Complex* object, const int* corners, Complex* waves, const Chunk& chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int b = blockIdx.y; b < chunk.positions * chunk.states; b += gridDim.y) {
        int p = b / chunk.states, state = b % chunk.states;
        Complex factor = object[under(corners, p, state, pixel, chunk)];
        for (int m = 0; m < chunk.modes; ++m) {
            Complex wave = incident[image((long long)(b / sharing) * chunk.modes + m, pixels) + pixel];
            waves[image((long long)b * chunk.modes + m, pixels) + pixel] = times(wave, factor);
        }
    }
}

// waves(position, state, mode) = incident(position, mode) through the first slice.
extern "C" __global__ void __launch_bounds__(THREADS)
enter(const Complex* incident, const Complex* object, const int* corners, Complex* waves, Chunk chunk)
{
    pass(incident, chunk.states, object, corners, waves, chunk);
}

// waves = incident (position, state, mode) through one more slice.
extern "C" __global__ void __launch_bounds__(THREADS)
transmit(const Complex* incident, const Complex* object, const int* corners, Complex* waves, Chunk chunk)
{
    pass(incident, 1, object, corners, waves, chunk);
}

// waves *= factor * propagator, in reciprocal space; on the way back its conjugate.
extern "C" __global__ void __launch_bounds__(THREADS)
propagate(Complex* waves, const Complex* propagator, const Complex* ramps, const int* rows, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int b = blockIdx.y; b < chunk.positions * chunk.states; b += gridDim.y) {
        Complex flight = propagator[pixel];
        if (chunk.tilted) flight = times(flight, ramp(ramps, rows[b / chunk.states], pixel, chunk.size));
        flight.x *= chunk.factor;
        flight.y *= chunk.adjoint ? -chunk.factor : chunk.factor;
        for (int m = 0; m < chunk.modes; ++m) {
            long long place = image((long long)b * chunk.modes + m, pixels) + pixel;
            waves[place] = times(waves[place], flight);
        }
    }
}

// --- the detector -----------------------------------------------------------------------------------------

// Half precision, from its bits: 2^112 moves the exponent, numbers below the smallest normal one included.
__device__ __forceinline__ float half_to_float(unsigned short bits)
{
    unsigned int magnitude = (unsigned int)(bits & 0x7fffu) << 13;
    float value = magnitude >= 0x0f800000u ? __uint_as_float(magnitude | 0x7f800000u)
                                           : __uint_as_float(magnitude) * 5.192296858534828e33f;
    return bits & 0x8000u ? -value : value;
}

__device__ __forceinline__ float stored_value(const void* patterns, int stored, long long place)
{
    switch (stored) {
    case 0: return (float)((const unsigned char*)patterns)[place];
    case 1: return (float)((const unsigned short*)patterns)[place];
    case 2: return (float)((const unsigned int*)patterns)[place];
    case 3: return half_to_float(((const unsigned short*)patterns)[place]);
    default: return ((const float*)patterns)[place];
    }
}

// Number of the measured pixel at one of the computed far field; -1: it was not measured.
__device__ __forceinline__ int measured_pixel(int pixel, const Chunk& chunk)
{
    int y = pixel / chunk.size, x = pixel % chunk.size;
    int positive = (chunk.detector + 1) / 2, beyond = chunk.size - chunk.detector;
    int v = y < positive ? y : y - beyond, u = x < positive ? x : x - beyond;
    if ((y >= positive && v < positive) || (x >= positive && u < positive)) return -1;
    return v * chunk.detector + u;
}

// The loss of a pixel; `slope` gets its derivative with the prediction. The formulas of `engine/losses`.
__device__ __forceinline__ float loss_of(
    int loss, float predicted, float measured, float weight, float floor, float* slope)
{
    const float tiny = 1.17549435e-38f;
    if (loss == 0) {
        float residual = (predicted - measured) * weight;
        *slope = 2.0f * residual;
        return residual * residual;
    }
    if (loss == 1) {
        float amplitude = sqrtf(predicted), residual = amplitude - sqrtf(measured);
        *slope = weight * residual / (amplitude + sqrtf(tiny));
        return weight * residual * residual;
    }
    float model = predicted + floor + tiny, excess = (measured - model) / model;
    *slope = -weight * excess;
    return weight * model * ((1.0f + excess) * log1pf(fmaxf(excess, -0.9999999f)) - excess);
}

// The sum of |far|^2 over states and modes.
__device__ __forceinline__ float power_at(const Complex* far, int position, int pixel, int pixels, int waves)
{
    float power = 0.0f;
    for (int k = 0; k < waves; ++k) power += power_of(far[image((long long)position * waves + k, pixels) + pixel]);
    return power;
}

__device__ __forceinline__ void weigh_at(Complex* far, int position, int pixel, int pixels, int waves, float by)
{
    for (int k = 0; k < waves; ++k) {
        Complex* wave = far + image((long long)position * waves + k, pixels) + pixel;
        wave->x *= by;
        wave->y *= by;
    }
}

// floors(position) = background * electrons in a pattern. One block for each pattern.
extern "C" __global__ void __launch_bounds__(THREADS)
seen(const void* patterns, const int* rows, const float* weight, float* floors, Chunk chunk)
{
    __shared__ float shared[THREADS];
    int pixels = chunk.detector * chunk.detector;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        float sum = 0.0f;
        for (int pixel = threadIdx.x; pixel < pixels; pixel += THREADS)
            sum += weight[pixel] * stored_value(patterns, chunk.stored, image(rows[p], pixels) + pixel);
        sum = sum_of_block(sum, shared);
        if (threadIdx.x == 0) floors[p] = sum * chunk.electrons * chunk.background;
    }
}

// Compares, and turns the far field into its own gradient (if `waves_wanted`).
// partial(position, block) = loss, and squared length of the gradient.
extern "C" __global__ void __launch_bounds__(THREADS)
compare(Complex* far, const void* patterns, const int* rows, const float* weight, const float* floors,
        float* partial, Chunk chunk)
{
    __shared__ float shared[THREADS];
    int pixels = chunk.size * chunk.size, pixel = own_pixel(), waves = chunk.states * chunk.modes;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        float value = 0.0f, length = 0.0f;
        if (pixel < pixels) {
            int place = measured_pixel(pixel, chunk);
            float slope = 0.0f;
            if (place >= 0) {
                float predicted = chunk.factor * power_at(far, p, pixel, pixels, waves);
                long long stored = image(rows[p], chunk.detector * chunk.detector) + place;
                float measured = chunk.electrons * stored_value(patterns, chunk.stored, stored);
                value = loss_of(chunk.loss, predicted, measured, weight[place], floors[p], &slope);
                length = 4.0f * slope * slope * predicted;
            }
            if (chunk.waves_wanted) weigh_at(far, p, pixel, pixels, waves, 2.0f * slope * chunk.factor);
        }
        value = sum_of_block(value, shared);
        length = sum_of_block(length, shared);
        if (threadIdx.x == 0) {
            float* mine = partial + 2 * ((long long)p * gridDim.x + blockIdx.x);
            mine[0] = value;
            mine[1] = length;
        }
    }
}

// powers(position) = factor * sum of |far|^2, for detectors and losses that `compare` does not know.
extern "C" __global__ void __launch_bounds__(THREADS)
power(const Complex* far, float* powers, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y)
        powers[image(p, pixels) + pixel] = chunk.factor * power_at(far, p, pixel, pixels, chunk.states * chunk.modes);
}

// far *= 2 * factor * slopes(position): the gradient of the far field from that of its power.
extern "C" __global__ void __launch_bounds__(THREADS)
weigh(Complex* far, const float* slopes, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        float by = 2.0f * chunk.factor * slopes[image(p, pixels) + pixel];
        weigh_at(far, p, pixel, pixels, chunk.states * chunk.modes, by);
    }
}

// --- the way back -----------------------------------------------------------------------------------------

// Adds the gradient of one slice to `total`, and takes that of the waves back through it.
extern "C" __global__ void __launch_bounds__(THREADS)
back(const Complex* incident, Complex* gradient, const Complex* object, const int* corners, void* total, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int b = blockIdx.y; b < chunk.positions * chunk.states; b += gridDim.y) {
        int p = b / chunk.states, state = b % chunk.states;
        Complex factor = object[under(corners, p, state, pixel, chunk)], sum = {0.0f, 0.0f};
        long long first = image((long long)b * chunk.modes, pixels) + pixel;
        const Complex* wave = incident + first;
        Complex* slope = gradient + first;
        for (int m = 0; m < chunk.modes; ++m, wave += pixels, slope += pixels) {
            Complex arriving = *slope;
            if (chunk.object_wanted) {
                Complex part = times_conjugate(arriving, *wave);
                sum.x += part.x;
                sum.y += part.y;
            }
            *slope = times_conjugate(arriving, factor);
        }
        if (chunk.object_wanted) accumulate(total, corners, p, state, pixel, chunk, sum);
    }
}

// The same for the first slice, whose incident waves (position, mode) all states share: they become their own
// gradient, summed over states (if `waves_wanted`).
extern "C" __global__ void __launch_bounds__(THREADS)
exit_back(Complex* incident, const Complex* gradient, const Complex* object, const int* corners, void* total, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y)
        for (int first = 0; first < chunk.modes; first += TILE) {
            Complex wave[TILE], sum[TILE];
            long long shared = image((long long)p * chunk.modes + first, pixels) + pixel;
#pragma unroll
            for (int m = 0; m < TILE; ++m) {
                sum[m] = wave[m] = Complex{0.0f, 0.0f};
                if (first + m < chunk.modes) wave[m] = incident[shared + image(m, pixels)];
            }
            for (int state = 0; state < chunk.states; ++state) {
                Complex factor = object[under(corners, p, state, pixel, chunk)], part = {0.0f, 0.0f};
                long long place = ((long long)p * chunk.states + state) * chunk.modes + first;
#pragma unroll
                for (int m = 0; m < TILE; ++m)
                    if (first + m < chunk.modes) {
                        Complex slope = gradient[image(place + m, pixels) + pixel];
                        Complex of_object = times_conjugate(slope, wave[m]), of_wave = times_conjugate(slope, factor);
                        part.x += of_object.x;
                        part.y += of_object.y;
                        sum[m].x += of_wave.x;
                        sum[m].y += of_wave.y;
                    }
                if (chunk.object_wanted) accumulate(total, corners, p, state, pixel, chunk, part);
            }
#pragma unroll
            for (int m = 0; m < TILE; ++m)
                if (chunk.waves_wanted && first + m < chunk.modes) incident[shared + image(m, pixels)] = sum[m];
        }
}

// slopes(position) += factor * Im sum of gradient * conj(spectrum): the gradient of the propagator's phase.
extern "C" __global__ void __launch_bounds__(THREADS)
flight_slope(const Complex* gradient, const Complex* spectrum, float* slopes, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel(), waves = chunk.states * chunk.modes;
    if (pixel >= pixels) return;
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        float sum = 0.0f;
        for (int k = 0; k < waves; ++k) {
            long long place = image((long long)p * waves + k, pixels) + pixel;
            sum += times_conjugate(gradient[place], spectrum[place]).y;
        }
        slopes[image(p, pixels) + pixel] += chunk.factor * sum;
    }
}

// total(mode) += factor * sum over positions of gradient, shifted back: that of the beam's spectrum.
extern "C" __global__ void __launch_bounds__(THREADS)
unshift(const Complex* gradient, const Complex* ramps, const int* rows, Complex* total, Chunk chunk)
{
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    if (pixel >= pixels) return;
    for (int m = blockIdx.y; m < chunk.modes; m += gridDim.y) {
        Complex sum = {0.0f, 0.0f};
        for (int p = 0; p < chunk.positions; ++p) {
            Complex slope = gradient[image((long long)p * chunk.modes + m, pixels) + pixel];
            Complex part = times_conjugate(slope, ramp(ramps, rows[p], pixel, chunk.size));
            sum.x += part.x;
            sum.y += part.y;
        }
        total[image(m, pixels) + pixel].x += chunk.factor * sum.x;
        total[image(m, pixels) + pixel].y += chunk.factor * sum.y;
    }
}

// partial(position, block) = gradient of the position, y and x: factor * 2 pi sum of k * Im(shifted * conj(gradient)).
extern "C" __global__ void __launch_bounds__(THREADS)
shift_slope(const Complex* gradient, const Complex* spectrum, const Complex* ramps, const int* rows, float* partial,
            Chunk chunk)
{
    __shared__ float shared[THREADS];
    int pixels = chunk.size * chunk.size, pixel = own_pixel();
    for (int p = blockIdx.y; p < chunk.positions; p += gridDim.y) {
        float overlap = 0.0f;
        if (pixel < pixels) {
            Complex turn = ramp(ramps, rows[p], pixel, chunk.size);
            for (int m = 0; m < chunk.modes; ++m) {
                Complex wave = times(spectrum[image(m, pixels) + pixel], turn);
                overlap += times_conjugate(wave, gradient[image((long long)p * chunk.modes + m, pixels) + pixel]).y;
            }
            overlap *= 6.2831853071795865f * chunk.factor;
        }
        float along_y = sum_of_block(overlap * frequency(pixel / chunk.size, chunk.size), shared);
        float along_x = sum_of_block(overlap * frequency(pixel % chunk.size, chunk.size), shared);
        if (threadIdx.x == 0) {
            float* mine = partial + 2 * ((long long)p * gridDim.x + blockIdx.x);
            mine[0] = along_y;
            mine[1] = along_x;
        }
    }
}
