/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_exceptions COUNT: exceptions thrown and caught over 10 to 20 frames, each of which owns
 * memory that is freed on the way.
 */
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_clock.h"

__attribute__((noinline)) static int descend(int left, const std::string &name)
{
    std::vector<int> owned(static_cast<size_t>(left) + 4);
    if (left == 0)
        throw std::runtime_error("thrown by " + name + ", longer than a short string may be");
    owned[0] = descend(left - 1, name);
    return owned[0] + 1;
}

int main(int argc, char **argv)
{
    long count = argc == 2 ? std::atol(argv[1]) : 0;
    size_t bytes = 0;
    struct bench_span span;

    if (count < 1) {
        std::fprintf(stderr, "usage: bench_exceptions COUNT\n");
        return 2;
    }
    bench_span_begin(&span);
    for (long i = 0; i < count; i++) {
        try {
            descend(10 + static_cast<int>(i % 11), "a caller with a name");
        } catch (const std::exception &error) {
            bytes += std::string(error.what()).size();
        }
    }
    bench_span_end(&span);
    bench_spans_print(&span, 1, count);
    return bytes == 0;
}
