// SPDX-License-Identifier: Apache-2.0
// Leaks with names of every sort, for suppressions; and a wrong release.
#include <cstdlib>
#include <cstring>

namespace shapes
{
struct leaf {
    char filling[40];
};
struct tree {
    leaf *leaves[3];
    __attribute__((noinline)) explicit tree(int size);
};
// The leaves hang on the tree.
tree::tree(int size)
{
    for (leaf *&one : leaves)
        one = static_cast<leaf *>(std::calloc(1, sizeof(leaf) + static_cast<size_t>(size)));
}
} // namespace shapes

static void *volatile last; // each loses the one before

__attribute__((noinline)) static shapes::leaf *make_leaf()
{
    return new shapes::leaf();
}

// Two leaves of one site: one hangs on what lose_holder allocated, the other on nothing.
__attribute__((noinline)) static void lose_holder()
{
    shapes::leaf **holder = static_cast<shapes::leaf **>(std::calloc(1, 64));
    last = holder;
    for (volatile int i = 0; i < 2; i = i + 1)
        holder[2] = make_leaf();
}

__attribute__((noinline)) static void lose_tree(int size)
{
    last = new shapes::tree(size);
}

static inline __attribute__((always_inline)) void *get(size_t size)
{
    return std::malloc(size);
}

extern "C" __attribute__((noinline)) void lose_inlined(size_t size)
{
    last = get(size);
}

__attribute__((noinline)) static void lose_string(const char *text)
{
    last = strdup(text);
}

__attribute__((noinline)) static void lose_array(size_t count)
{
    last = new int[count](); /* lost array */
}

__attribute__((noinline)) static void release_wrongly(void *block)
{
    std::free(block);
}

__attribute__((noinline)) static void forget()
{
    char stack[16384];
    std::memset(stack, 0, sizeof(stack));
    __asm__ volatile("" : : "r"(stack) : "memory");
}

int main(int argc, char **argv)
{
    lose_tree(argc);
    lose_holder();
    lose_inlined(100);
    lose_string("a string");
    lose_array(50);
    if (argc > 1 && std::strcmp(argv[1], "free") == 0)
        release_wrongly(new shapes::leaf());
    last = nullptr;
    forget();
    return 0;
}
