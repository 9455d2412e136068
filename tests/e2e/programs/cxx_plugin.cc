// SPDX-License-Identifier: Apache-2.0
// What cxx_local loads: 12 blocks that stay, and a bad_alloc.
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

static void *volatile kept;

static __attribute__((noinline)) void *plugin_block()
{
    return ::operator new(21);
}

extern "C" int plugin_run()
{
    volatile std::size_t huge = PTRDIFF_MAX;
    std::vector<std::string> words;
    for (int i = 0; i < 100; i++)
        words.push_back(std::string(50, 'x'));
    for (int i = 0; i < 12; i++)
        kept = plugin_block();
    try {
        kept = ::operator new(huge);
        return 3;
    } catch (const std::bad_alloc &) {
        return 0;
    }
}
