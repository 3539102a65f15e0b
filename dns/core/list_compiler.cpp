#include "dns/core/list_compiler.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace hearth::dns {
namespace {

constexpr std::uint32_t kAt = 1;
constexpr std::uint32_t kBelow = 2;
constexpr std::uint32_t kAllow = 4;
constexpr unsigned kListShift = 3;
constexpr std::size_t kChecksumOffset = 40;

// A bucket of at most this many names on average: about one cache line of entries.
constexpr std::size_t kBucketLoad = 8;

// What one list says in one way (block or allow; at, below, both) always finds room, however many
// combinations of lists there are.
constexpr std::size_t kSingleRuleSets = kMaxLists * 2 * 3;

std::uint32_t scope_bits(RuleScope scope) noexcept {
    switch (scope) {
        case RuleScope::kName: return kAt;
        case RuleScope::kBelow: return kBelow;
        case RuleScope::kNameAndBelow: break;
    }
    return kAt | kBelow;
}

void add_rule(RuleSet& set, std::uint32_t value) noexcept {
    const ListMask list = ListMask{1} << (value >> kListShift);
    const bool allow = (value & kAllow) != 0;
    if ((value & kAt) != 0) (allow ? set.allow_at : set.block_at) |= list;
    if ((value & kBelow) != 0) (allow ? set.allow_below : set.block_below) |= list;
}

// The part of `set` that one list says with one action.
RuleSet single(const RuleSet& set, ListMask list, ListAction action) noexcept {
    if (action == ListAction::kBlock) return {set.block_at & list, set.block_below & list, 0, 0};
    return {0, 0, set.allow_at & list, set.allow_below & list};
}

// Little-endian fields one after the other; the caller has sized the buffer.
class ImageWriter {
public:
    explicit ImageWriter(std::uint8_t* at) noexcept : at_(at) {}

    template <class T>
    void put(T value) noexcept {
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    void put_text(std::string_view text) noexcept {
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void skip(std::size_t count) noexcept { at_ += count; }

private:
    std::uint8_t* at_;
};

}  // namespace

Result<void> ListCompiler::begin_list(std::string_view name) {
    if (lists_.size() == kMaxLists)
        return fail(Errc::kTooLarge, std::string(name),
                    "more than " + std::to_string(kMaxLists) + " lists; join some of them");
    if (name.size() > std::numeric_limits<std::uint16_t>::max())
        return fail(Errc::kTooLarge, std::string(name.substr(0, 32)),
                    "the list's name is too long");
    lists_.push_back({std::string(name), 0});
    return {};
}

void ListCompiler::add(const ListRule& rule) {
    if (rule.name.is_root() || lists_.empty()) return;
    const auto list = static_cast<std::uint32_t>(lists_.size() - 1);
    const std::uint32_t allow = rule.action == ListAction::kAllow ? kAllow : 0;
    const LabelHasher labels(rule.name);
    const std::uint64_t hash = labels.hash(key_);
    parts_[hash >> (64 - kPartBits)].push_back(
        {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash),
         list << kListShift | allow | scope_bits(rule.scope)});
    fewest_labels_ = std::min(fewest_labels_, static_cast<std::uint32_t>(labels.labels()));
    ++lists_.back().rules;
}

std::uint32_t ListCompiler::intern(const RuleSet& rules) {
    const auto [at, added] =
        rule_set_ids_.try_emplace(rules, static_cast<std::uint32_t>(rule_sets_.size()));
    if (added) rule_sets_.push_back(rules);
    return at->second;
}

bool ListCompiler::can_intern(const RuleSet& rules) const {
    return rule_sets_.size() < kMaxRuleSets - kSingleRuleSets || rule_set_ids_.contains(rules);
}

// Writes the entry of one name over records already merged. When all rule sets are taken the name
// gets an entry per list and action instead: never more than the records it came from.
void ListCompiler::keep(Part& part, std::size_t& kept, std::uint64_t hash, const RuleSet& rules) {
    const auto put = [&](const RuleSet& set) {
        part[kept++] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash),
                        intern(set)};
    };
    if (can_intern(rules)) return put(rules);
    for (ListMask list = 1; list != 0; list <<= 1) {
        for (const ListAction action : {ListAction::kBlock, ListAction::kAllow}) {
            const RuleSet alone = single(rules, list, action);
            if (alone != RuleSet{}) put(alone);
        }
    }
}

// Sorts the part and joins the records of each name.
void ListCompiler::merge(Part& part) {
    std::sort(part.begin(), part.end(), [](const Record& a, const Record& b) {
        return std::pair(a.hash(), a.value) < std::pair(b.hash(), b.value);
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < part.size();) {
        const std::uint64_t hash = part[i].hash();
        RuleSet rules;
        for (; i < part.size() && part[i].hash() == hash; ++i) add_rule(rules, part[i].value);
        keep(part, kept, hash, rules);
    }
    part.resize(kept);
}

Result<std::vector<std::uint8_t>> ListCompiler::finish() {
    std::size_t entries = 0;
    for (Part& part : parts_) {
        merge(part);
        entries += part.size();
    }
    if (entries > std::numeric_limits<std::uint32_t>::max())
        return fail(Errc::kTooLarge, "blocklist image", "more than 2^32 names");
    std::vector<std::uint8_t> image = write_image(entries);
    *this = ListCompiler(key_);
    return image;
}

std::vector<std::uint8_t> ListCompiler::write_image(std::size_t entries) {
    const int bits = std::max(1, static_cast<int>(std::bit_width((entries | 1) / kBucketLoad)));
    const std::size_t buckets = std::size_t{1} << bits;
    const std::size_t directory = ((buckets + 1) * 4 + 7) / 8 * 8;
    std::size_t size = kImageHeader + directory + entries * 8 + rule_sets_.size() * sizeof(RuleSet);
    for (const List& list : lists_) size += 10 + list.name.size();

    std::vector<std::uint8_t> image(size);
    ImageWriter header(image.data());
    header.put_text(kImageMagic);
    header.put(kImageVersion);
    header.put(kImageByteOrder);
    header.put(key_.k0);
    header.put(key_.k1);
    header.put(static_cast<std::uint64_t>(size));
    header.skip(8);  // the checksum, last
    header.put(static_cast<std::uint32_t>(entries));
    header.put(static_cast<std::uint32_t>(bits));
    header.put(static_cast<std::uint32_t>(rule_sets_.size()));
    header.put(static_cast<std::uint32_t>(lists_.size()));
    header.put(entries == 0 ? 0 : fewest_labels_);

    ImageWriter starts(image.data() + kImageHeader);
    ImageWriter rest(image.data() + kImageHeader + directory);
    std::size_t bucket = 0;
    std::uint32_t written = 0;
    for (Part& part : parts_) {
        for (const Record& record : part) {
            for (; bucket <= record.hash() >> (64 - bits); ++bucket) starts.put(written);
            rest.put(record.hash() << (64 - kTagBits) | record.value);
            ++written;
        }
        Part().swap(part);
    }
    for (; bucket <= buckets; ++bucket) starts.put(written);
    for (const RuleSet& set : rule_sets_) {
        rest.put(set.block_at);
        rest.put(set.block_below);
        rest.put(set.allow_at);
        rest.put(set.allow_below);
    }
    for (const List& list : lists_) {
        rest.put(list.rules);
        rest.put(static_cast<std::uint16_t>(list.name.size()));
        rest.put_text(list.name);
    }
    ImageWriter(image.data() + kChecksumOffset)
        .put(siphash13(key_, ByteView(image).subspan(kImageChecksumEnd)));
    return image;
}

}  // namespace hearth::dns
