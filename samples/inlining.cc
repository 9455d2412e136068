/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++ with inlining: the call of operator new stands in functions that the
 * compiler has inlined; the debug information still knows them.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./inlining; vmtrace-report vmtrace.inlining.*.vmt
 * Look for: 10 leaked blocks of 48 bytes whose stack names shop::make_item(int) and
 *           shop::basket<int>::add(int), both marked inlined, inside shop::fill().
 */
#include <cstring>

namespace shop
{

struct item {
    char body[48];
};

static inline __attribute__((always_inline)) item *make_item(int value)
{
    item *made = new item; /* inlined new */
    std::memset(made->body, value, sizeof(made->body));
    return made;
}

template <typename T> struct basket {
    item *last = nullptr;
    inline __attribute__((always_inline)) void add(T value)
    {
        last = make_item(value); /* inlined add */
    }
};

__attribute__((noinline)) void fill(basket<int> &goods)
{
    for (int i = 0; i < 10; i++)
        goods.add(i); /* not inlined */
}

} // namespace shop

int main()
{
    shop::basket<int> goods;
    shop::fill(goods);
    return goods.last ? 0 : 1;
}
