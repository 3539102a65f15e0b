#include "proxy/core/answer_skipper.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

using Progress = AnswerSkipper::Progress;

// What it says after the last octet, given in two pieces; octets it leaves are given again.
Progress skip(const std::string& answer, std::size_t cut, Method method = Method::kGet) {
    AnswerSkipper skipper(method);
    std::string text = answer;  // stays where it is
    std::size_t begin = 0;
    Progress progress = Progress::kGoesOn;
    for (const std::size_t end : {cut, text.size()}) {
        std::size_t used = 0;
        if (progress == Progress::kGoesOn)
            progress = skipper.take(std::span(text).subspan(begin, end - begin), used);
        begin += used;
    }
    return progress;
}

TEST(AnswerSkipper, FindsTheEndCutAtEveryOctet) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string answers[] = {
        head + "Content-Length: 5\r\n\r\nhello", head + "Content-Length: 0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + head +
            "Content-Length: 2\r\n\r\nok"};
    for (const std::string& answer : answers) {
        for (std::size_t cut = 0; cut < answer.size(); ++cut) {
            EXPECT_EQ(skip(answer, cut), Progress::kOver) << answer << "\ncut at " << cut;
            EXPECT_EQ(skip(answer.substr(0, cut), cut / 2), Progress::kGoesOn) << answer << cut;
            EXPECT_EQ(skip(answer + "x", cut), Progress::kUseless) << answer << "\ncut at " << cut;
        }
    }
}

TEST(AnswerSkipper, KnowsThatNoBodyFollowsHead) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    EXPECT_EQ(skip(answer, 3, Method::kHead), Progress::kOver);
    EXPECT_EQ(skip(answer, 3), Progress::kGoesOn);
}

TEST(AnswerSkipper, GivesUpWhereNothingCouldFollow) {
    for (const std::string& answer : {
             std::string("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
             std::string("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
             std::string("HTTP/1.1 200 OK\r\n\r\n"),
             std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                         "Connection: upgrade\r\n\r\n"),
             std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n"),
             std::string("nonsense\r\n\r\n"),
         }) {
        EXPECT_EQ(skip(answer, 5), Progress::kUseless) << answer;
    }
}

TEST(AnswerSkipper, GivesUpWhatIsLong) {
    const std::string length = std::to_string(AnswerSkipper::kMost + 1);
    EXPECT_EQ(skip("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n", 0),
              Progress::kUseless);

    AnswerSkipper chunked(Method::kGet);
    std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::size_t used = 0;
    Progress progress = chunked.take(head, used);
    std::size_t given = 0;
    for (; progress == Progress::kGoesOn && given <= 2 * AnswerSkipper::kMost; given += 1024) {
        std::string chunk = "3fa\r\n" + std::string(1018, 'x') + "\r\n";
        progress = chunked.take(chunk, used);
    }
    EXPECT_EQ(progress, Progress::kUseless);
    EXPECT_LE(given, AnswerSkipper::kMost + 2048);

    AnswerSkipper interim(Method::kGet);
    std::string hints;
    for (std::size_t i = 0; i < 3000; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_EQ(interim.take(hints, used), Progress::kUseless);
}

}  // namespace
}  // namespace hearth::proxy
