/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One leak for each way in which compilers name, inline and leave out functions; test_baseline.py
 * builds it with several.  With an argument there is one more, in the function of that name.
 */
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#ifdef MOVED /* all lines below */
static int moved(int value)
{
    return value + 1;
}
static int (*volatile keep_moved)(int) = moved;
#endif

static void *volatile sink;

template <class T> static void lose(T *block)
{
    sink = block;
    sink = nullptr;
}

template <class T, size_t N> void make()
{
    lose(new T[N]);
}

namespace
{
struct Tag {
};
template <class T> void hidden(T)
{
    lose(new char[201]);
}
} // namespace

namespace outer
{
inline namespace v1
{
struct Widget {
    Widget()
    {
        lose(new char[202]);
    }
    Widget operator+(const Widget &other) const
    {
        lose(new char[203]);
        return other;
    }
    explicit operator bool() const
    {
        lose(new char[204]);
        return true;
    }
};
} // namespace v1
} // namespace outer

struct Base {
    virtual void go() = 0;
    virtual ~Base() = default;
};

struct Derived : Base {
    void go() override
    {
        lose(new char[205]);
    }
};

static std::string text_of(const std::map<std::string, std::vector<int>> &map)
{
    lose(new char[206]);
    return std::string(map.size(), 'x');
}

static void lambdas(bool more)
{
    auto plain = [] { lose(new char[210]); };
    auto nested = [&] { plain(), [&] { lose(new char[211]); }(); };
    std::function<void(int)> wrapped = [](int size) { lose(new char[size]); };
    nested();
    wrapped(212);
    if (more)
        [](auto size) { lose(new char[size]); }(213);
    std::vector<int> sizes{214};
    std::for_each(sizes.begin(), sizes.end(), [](int size) { lose(new char[size]); });
}

static void containers()
{
    lose(new std::map<int, std::string>{{1, std::string(220, 'x')}});
    lose(std::make_unique<std::vector<char>>(221).release());
    lose(new std::string(222, 'y'));
}

static void text()
{
    lose(strdup(std::string(230, 'z').c_str()));
    char *grown = nullptr;
    for (size_t size = 100; size < 300; size += 77)
        grown = static_cast<char *>(realloc(grown, size));
    lose(grown);
}

static int compare(const void *left, const void *right)
{
    static bool done;
    if (!done)
        lose(malloc(231));
    done = true;
    return *static_cast<const int *>(left) - *static_cast<const int *>(right);
}

static void recursive(int depth)
{
    if (depth > 0)
        recursive(depth - 1);
    else
        lose(malloc(232));
    sink = nullptr;
}

__attribute__((noinline)) void *tail_called(size_t size)
{
    return malloc(size);
}

static void extra()
{
    lose(malloc(240));
}

struct Global {
    Global()
    {
        lose(new char[241]);
    }
} global;

/* Copies of pointers on the stack and in registers would keep blocks alive. */
__attribute__((noinline)) static void scrub()
{
    volatile char stack[1 << 16];
    for (size_t i = 0; i < sizeof(stack); i++)
        stack[i] = 0;
}

int main(int argc, char **argv)
{
    const std::string more = argc > 1 ? argv[1] : "";
    make<int, 100>();
    make<unsigned long, 51>();
    if (more == "make")
        make<short, 103>();
    hidden(1);
    hidden(Tag{});
    outer::Widget left, right;
    if (left + right)
        std::unique_ptr<Base>(new Derived)->go();
    text_of({});
    lambdas(more == "lambdas");
    containers();
    text();
    int numbers[] = {3, 1, 2};
    qsort(numbers, 3, sizeof(numbers[0]), compare);
    recursive(argc * 3);
    lose(tail_called(233));
    std::thread([] { lose(new char[234]); }).join();
    if (more == "extra")
        extra();
    scrub();
    return 0;
}
