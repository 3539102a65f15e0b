// A request of DNS over HTTPS/1.1, cut in two: first octet says where. What is whole goes on to the
// DNS message in it, whose freshness is looked at as if it were an answer.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dns/core/doh_request.h"
#include "dns/core/http1_request.h"
#include "dns/model/protocol.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

void judge(const Http1Request& request) {
    require(request.body.size() <= kMaxMessage);
    std::vector<std::uint8_t> question;
    const int status = read_doh_request(
        {request.method, request.path, request.content_type, request.body}, question);
    if (status != 200) return;
    require(question.size() >= kHeaderSize && question.size() <= kMaxMessage);
    (void)answer_freshness(question);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView all{data + 1, size - 1};
    const std::size_t cut = all.empty() ? 0 : data[0] % (all.size() + 1);
    Http1Reader reader;
    for (ByteView part : {all.first(cut), all.subspan(cut)}) {
        while (!part.empty()) {
            const std::size_t before = part.size();
            const auto state = reader.feed(part);
            if (state == Http1Reader::State::kBad) {
                require(reader.status() >= 400);
                return 0;
            }
            if (state == Http1Reader::State::kNeedMore) {
                require(part.empty());
                break;
            }
            require(part.size() < before);
            judge(reader.request());
            reader.next();
        }
    }
    return 0;
}
