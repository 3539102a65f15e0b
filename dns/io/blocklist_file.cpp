#include "dns/io/blocklist_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "dns/core/list_parser.h"
#include "runtime/file_descriptor.h"

namespace hearth::dns {
namespace {

using runtime::FileDescriptor;

// Far above any image (a hundred million names), far below what an accident could ask for.
constexpr std::size_t kMaxImage = std::size_t{1} << 30;
constexpr std::size_t kChunk = 64 << 10;

// Reads up to `room` bytes; 0 at the end of the file.
Result<std::size_t> read_some(const FileDescriptor& file, std::uint8_t* to, std::size_t room,
                              const std::filesystem::path& path) {
    while (true) {
        const ssize_t n = ::read(file.get(), to, room);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return fail(Error::from_errno(path.string(), errno));
    }
}

// Remembers the rules about one name.
class RuleFinder : public RuleSink {
public:
    RuleFinder(const Name& qname, std::vector<ListedRule>& found) : qname_(qname), found_(found) {}

    void begin(std::string list) { list_ = std::move(list); }

    void on_rule(const ListRule& rule, const ListLine& line) override {
        if (covers(rule, qname_)) add(line, rule.action);
    }

    bool on_filter(const FilterRule& rule, const ListLine& line) override {
        if (is_about(rule, qname_)) add(line, rule.rule.action);
        return true;
    }

private:
    void add(const ListLine& line, ListAction action) {
        std::string text(line.text);
        for (char& c : text)
            if (c < 0x20 || c > 0x7e) c = '?';
        found_.push_back({list_, line.number, std::move(text), action});
    }

    const Name& qname_;
    std::vector<ListedRule>& found_;
    std::string list_;
};

}  // namespace

Result<BlocklistImage> load_blocklist_image(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT)
        return fail(Errc::kNotFound, path.string(), "no compiled blocklist; run hearth-lists");
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0)
        return fail(Error::from_errno(path.string(), errno));
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size == 0) return fail(Errc::kTruncated, path.string(), "empty; run hearth-lists");
    if (size > kMaxImage) return fail(Errc::kTooLarge, path.string(), "not a compiled blocklist");

    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail(Error::from_errno(path.string(), errno));
    BlocklistImage image;
    image.storage = std::shared_ptr<const void>(
        memory, [size](const void* pages) { ::munmap(const_cast<void*>(pages), size); });

    const ByteSpan bytes(static_cast<std::uint8_t*>(memory), size);
    for (std::size_t done = 0; done < size;) {
        const auto n = read_some(file, bytes.data() + done, size - done, path);
        if (!n) return fail(n.error());
        if (*n == 0) return fail(Errc::kTruncated, path.string(), "cut short; run hearth-lists");
        done += *n;
    }
    if (::mprotect(memory, size, PROT_READ) != 0)
        return fail(Error::from_errno(path.string(), errno));
    auto set = BlockSet::open(bytes);
    if (!set) return fail(set.error().code, path.string(), set.error().detail);
    image.set = std::move(*set);
    return image;
}

std::vector<ListedRule> find_listed_rules(const ListLayout& layout,
                                          const std::vector<BlockSet::List>& lists,
                                          const Name& qname) {
    std::vector<ListedRule> found;
    RuleFinder finder(qname, found);
    std::vector<std::uint8_t> chunk(kChunk);
    for (const BlockSet::List& list : lists) {
        const std::filesystem::path path = layout.copy(list.name);
        const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) continue;
        finder.begin(std::string(list.name));
        ListParser parser(finder, list.kind);
        for (auto n = read_some(file, chunk.data(), chunk.size(), path); n && *n > 0;
             n = read_some(file, chunk.data(), chunk.size(), path))
            parser.feed(ByteView(chunk).first(*n));
        parser.finish();
    }
    return found;
}

}  // namespace hearth::dns
