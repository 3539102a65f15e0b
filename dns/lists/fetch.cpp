#include "dns/lists/fetch.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "dns/lists/list_copy.h"

namespace hearth::dns {
namespace {

constexpr long kMaxRedirects = 5;
constexpr long kStalledBytesPerSecond = 100;
constexpr int kPollMilliseconds = 1000;

template <auto release>
struct Release {
    template <class T>
    void operator()(T* handle) const noexcept {
        release(handle);
    }
};
using EasyHandle = std::unique_ptr<CURL, Release<&curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Release<&curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Release<&curl_slist_free_all>>;

// One transfer. Its address is what curl's callbacks get: it does not move.
class Transfer {
public:
    Transfer(std::size_t index, const FetchRequest& request, const FetchLimits& limits)
        : index_(index), request_(request), limits_(limits) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    [[nodiscard]] CURL* easy() const noexcept { return easy_.get(); }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
    [[nodiscard]] std::uint64_t expected() const noexcept;

    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<Fetched> conclude(CURLcode code);

private:
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    [[nodiscard]] Result<void> take(ByteView bytes);
    [[nodiscard]] Result<void> make_candidate();
    void set_headers();
    template <class T>
    void set(CURLoption option, T value) noexcept {
        ::curl_easy_setopt(easy_.get(), option, value);
    }

    std::size_t index_;
    const FetchRequest& request_;
    const FetchLimits& limits_;
    EasyHandle easy_;
    HeaderList headers_;
    std::optional<ListCandidate> candidate_;
    std::optional<Error> error_;  // why we broke off
    Fetched fetched_;
    std::uint64_t received_ = 0;
    std::array<char, CURL_ERROR_SIZE> curl_error_{};
};

Result<void> Transfer::prepare() {
    easy_.reset(::curl_easy_init());
    if (!easy_) return fail(Errc::kSystem, request_.url, "curl cannot start a transfer");

    const bool secure = request_.url.starts_with("https:");
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_USERAGENT, "hearth-lists/" HEARTH_VERSION);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a resolver that hangs is left behind
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits_.connect.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.stalled.count()));
    set(CURLOPT_TIMEOUT, static_cast<long>(limits_.whole.count()));
    set(CURLOPT_ERRORBUFFER, curl_error_.data());
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set_headers();
    return {};
}

std::uint64_t Transfer::expected() const noexcept {
    curl_off_t bytes = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
    return bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

void Transfer::set_headers() {
    const auto add = [this](const std::string& header) {
        curl_slist* longer = ::curl_slist_append(headers_.get(), header.c_str());
        if (longer == nullptr) return;
        static_cast<void>(headers_.release());
        headers_.reset(longer);
    };
    // The candidate expands it, as it does a .gz file: curl takes half a stream for a whole one.
    add("Accept-Encoding: gzip");
    if (!request_.etag.empty()) add("If-None-Match: " + request_.etag);
    if (!request_.last_modified.empty()) add("If-Modified-Since: " + request_.last_modified);
    set(CURLOPT_HTTPHEADER, headers_.get());
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t length = size * count;
    if (auto taken = transfer.take(as_bytes({bytes, length})); !taken) {
        transfer.error_ = std::move(taken.error());
        return CURL_WRITEFUNC_ERROR;
    }
    return length;
}

// Only when there is a body to write: an unchanged list costs no write to the disk.
Result<void> Transfer::make_candidate() {
    if (candidate_) return {};
    auto candidate = ListCandidate::create(request_.copy, request_.limits);
    if (!candidate) return fail(std::move(candidate.error()));
    candidate_.emplace(std::move(*candidate));
    return {};
}

Result<void> Transfer::take(ByteView bytes) {
    received_ += bytes.size();
    if (auto made = make_candidate(); !made) return made;
    return candidate_->write(bytes);
}

// The value of a header of the last answer.
std::string header(CURL* easy, const char* name) {
    curl_header* found = nullptr;
    if (::curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
    return found->value;
}

Result<Fetched> Transfer::conclude(CURLcode code) {
    if (error_) return fail(*error_);
    long status = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_HTTP_RETURNED_ERROR || (code == CURLE_OK && status != 200 && status != 304))
        return fail(Errc::kUnavailable, "", "the server answered " + std::to_string(status));
    if (code == CURLE_PARTIAL_FILE)
        return fail(Errc::kTruncated, "", "cut short: the connection ended early");
    if (code != CURLE_OK)
        return fail(code == CURLE_OPERATION_TIMEDOUT ? Errc::kTimeout : Errc::kUnavailable, "",
                    curl_error_[0] != '\0' ? curl_error_.data() : ::curl_easy_strerror(code));
    fetched_.etag = header(easy_.get(), "ETag");
    fetched_.last_modified = header(easy_.get(), "Last-Modified");
    if (status == 304) {
        fetched_.outcome = FetchOutcome::kUnchanged;
        return fetched_;
    }
    if (auto made = make_candidate(); !made) return fail(made.error());
    if (auto committed = candidate_->commit(); !committed) return fail(committed.error());
    return fetched_;
}

// Keeps a few transfers going until all have ended.
class Downloads {
public:
    Downloads(const std::vector<FetchRequest>& requests, const FetchLimits& limits,
              const FetchEvents& events)
        : requests_(requests), limits_(limits), events_(events), multi_(::curl_multi_init()) {}
    ~Downloads() {
        for (const auto& transfer : running_)
            ::curl_multi_remove_handle(multi_.get(), transfer->easy());
    }
    Downloads(const Downloads&) = delete;
    Downloads& operator=(const Downloads&) = delete;

    void run() {
        int active = 0;
        start_more();
        while (!running_.empty()) {
            ::curl_multi_perform(multi_.get(), &active);
            for (const auto& transfer : running_)
                events_.received(transfer->index(), transfer->received(), transfer->expected());
            conclude_ended();
            start_more();
            if (!running_.empty())
                ::curl_multi_poll(multi_.get(), nullptr, 0, kPollMilliseconds, nullptr);
        }
    }

private:
    void start_more() {
        while (next_ < requests_.size() && running_.size() < limits_.at_once) {
            auto transfer = std::make_unique<Transfer>(next_, requests_[next_], limits_);
            ++next_;
            if (auto prepared = transfer->prepare(); !prepared) {
                events_.done(transfer->index(), fail(prepared.error()));
                continue;
            }
            ::curl_multi_add_handle(multi_.get(), transfer->easy());
            running_.push_back(std::move(transfer));
        }
    }

    void conclude_ended() {
        int waiting = 0;
        while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &waiting)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;
            const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& t) {
                return t->easy() == message->easy_handle;
            });
            const std::unique_ptr<Transfer> transfer = std::move(*at);
            running_.erase(at);
            ::curl_multi_remove_handle(multi_.get(), transfer->easy());
            events_.done(transfer->index(), transfer->conclude(code));
        }
    }

    const std::vector<FetchRequest>& requests_;
    const FetchLimits& limits_;
    const FetchEvents& events_;
    MultiHandle multi_;
    std::vector<std::unique_ptr<Transfer>> running_;
    std::size_t next_ = 0;
};

}  // namespace

void fetch_all(const std::vector<FetchRequest>& requests, const FetchLimits& limits,
               const FetchEvents& events) {
    if (requests.empty()) return;
    ::curl_global_init(CURL_GLOBAL_DEFAULT);
    Downloads(requests, limits, events).run();
    ::curl_global_cleanup();
}

}  // namespace hearth::dns
