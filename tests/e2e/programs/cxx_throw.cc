// SPDX-License-Identifier: Apache-2.0
// Exceptions through and around operator new.  Exit status 0 when all were as they should be.
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

static volatile std::size_t huge = PTRDIFF_MAX;

struct thrower {
    char body[100];
    thrower()
    {
        throw std::runtime_error("from a constructor");
    }
};

static int handler_calls;

static void on_no_memory()
{
    if (++handler_calls == 3)
        std::set_new_handler(nullptr);
}

static void *volatile kept; // so that no allocation is optimised away

template <typename F> static bool throws_bad_alloc(F allocate)
{
    try {
        kept = allocate();
        return false;
    } catch (const std::bad_alloc &) {
        return true;
    }
}

static __attribute__((noinline)) char *after_all()
{
    return new char[55];
}

static __attribute__((noinline)) int descend(int depth)
{
    std::string local(100, 'x'); // freed by the unwinder
    if (depth == 0)
        throw std::out_of_range(local);
    return descend(depth - 1) + static_cast<int>(local.size());
}

int main()
{
    for (int i = 0; i < 20; i++) {
        if (!throws_bad_alloc([] { return static_cast<void *>(new char[huge]); }))
            return 1;
        if (!throws_bad_alloc([] { return ::operator new(huge); }))
            return 2;
        if (!throws_bad_alloc([] { return ::operator new(huge, std::align_val_t(64)); }))
            return 3;
        if (::operator new(huge, std::nothrow) != nullptr)
            return 4;
        if (::operator new[](huge, std::align_val_t(64), std::nothrow) != nullptr)
            return 5;
        try {
            delete new thrower;
            return 6;
        } catch (const std::runtime_error &) {
        }
        try {
            descend(30);
            return 7;
        } catch (const std::out_of_range &) {
        }
    }
    std::set_new_handler(on_no_memory);
    if (!throws_bad_alloc([] { return ::operator new(huge); }) || handler_calls != 3)
        return 8;
    for (int i = 0; i < 9; i++)
        delete[] after_all();
    return 0;
}
