/* tests/unit/client/sip/test_sdp.c - what we read in a phone's session, and the one that we write. */
#include "tests/unit/client/sip/phone.h"

#include "client/sip/sdp.h"

static struct smx_sdp sdp;

static enum smx_err read_sdp(const char *text)
{
    static char wire[PHONE_MESSAGE];
    size_t len = phone_wire(wire, sizeof wire, text);
    char *exact = malloc(len ? len : 1);
    enum smx_err err;

    assert_non_null(exact);
    memcpy(exact, wire, len);
    err = smx_sdp_read(&sdp, (struct smx_span){exact, len});
    free(exact);
    return err;
}

static void a_phones_offer_is_read(void **state)
{
    struct smx_addr local = phone_addr("127.0.0.1:1");

    (void)state;
    assert_int_equal(read_sdp(PHONE_SDP), SMX_OK);
    assert_int_equal(sdp.media_count, 1);
    assert_int_equal(sdp.port, 21072);
    assert_true(sdp.pcmu && sdp.pcma && sdp.has_ip);
    assert_memory_equal(sdp.ip, local.ip, sizeof sdp.ip);
    assert_int_equal(sdp.direction, SMX_SENDRECV);
}

static void odd_order_bare_line_feeds_and_unknown_lines_are_no_matter(void **state)
{
    (void)state;
    assert_int_equal(
        read_sdp("v=0\1k=clear:x\1t=0 0\1c=IN IP6 2001:db8::1\1m=audio 9/2 RTP/AVP 18 8\1x=1\1\1"), SMX_OK);
    assert_int_equal(sdp.port, 9);
    assert_true(sdp.pcma && !sdp.pcmu && sdp.has_ip);
}

static void only_plain_g711_audio_will_do(void **state)
{
    static const struct {
        const char *text;
        enum smx_err err;
    } cases[] = {
        {"v=0\nm=audio 9 RTP/AVP 0\n", SMX_OK},
        {"v=0\nm=audio 9 RTP/AVP 18 8", SMX_OK},
        {"v=0\nm=video 9 RTP/AVP 0\nm=audio 9 RTP/AVP 8\n", SMX_OK},
        {"v=0\nm=audio 9 RTP/SAVP 0\nm=audio 7 RTP/AVP 0\n", SMX_OK},
        {"v=0\nm=audio 9 RTP/AVP 18 101\n", SMX_E_REFUSED},
        {"v=0\nm=audio 9 RTP/SAVP 0\n", SMX_E_REFUSED},
        {"v=0\nm=audio 0 RTP/AVP 0\n", SMX_E_REFUSED},
        {"v=0\nm=image 9 udptl t38\n", SMX_E_REFUSED},
        {"v=0\n", SMX_E_REFUSED},
        {"", SMX_E_MALFORMED},
        {"v=1\nm=audio 9 RTP/AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nm=audio 65536 RTP/AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nm=audio -1 RTP/AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nm=audio RTP/AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nm=audio 9 RTP/AVP\n", SMX_E_MALFORMED},
        {"v=0\nm=audio 9 RTP//AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nnonsense\n", SMX_E_MALFORMED},
        {"v=0\nm\n", SMX_E_MALFORMED},
        {"v=0\nm=averyveryverylongkind 9 RTP/AVP 0\n", SMX_E_MALFORMED},
        {"v=0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=audio 9 "
         "RTP/AVP 0\n",
         SMX_OK},
        {"v=0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\nm=a 0 x 0\n"
         "m=audio 9 RTP/AVP 0\n",
         SMX_E_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (read_sdp(cases[i].text) != cases[i].err)
            fail_msg("%s", cases[i].text);
}

static void hold_is_known_in_both_spellings(void **state)
{
    static const struct {
        const char *text;
        enum smx_direction direction, answer;
    } cases[] = {
        {"v=0\nm=audio 9 RTP/AVP 0\n", SMX_SENDRECV, SMX_SENDRECV},
        {"v=0\nm=audio 9 RTP/AVP 0\na=sendonly\n", SMX_SENDONLY, SMX_RECVONLY},
        {"v=0\na=inactive\nm=audio 9 RTP/AVP 0\n", SMX_INACTIVE, SMX_INACTIVE},
        {"v=0\na=inactive\nm=audio 9 RTP/AVP 0\na=recvonly\n", SMX_RECVONLY, SMX_SENDONLY},
        {"v=0\nm=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\na=inactive\n", SMX_SENDRECV, SMX_SENDRECV},
        {"v=0\nc=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\n", SMX_SENDONLY, SMX_RECVONLY},
        {"v=0\nc=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\nc=IN IP4 10.0.0.1\n", SMX_SENDRECV, SMX_SENDRECV},
        {"v=0\nm=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=recvonly\n", SMX_INACTIVE, SMX_INACTIVE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_sdp(cases[i].text), SMX_OK);
        if (sdp.direction != cases[i].direction || smx_sdp_mirror(sdp.direction) != cases[i].answer)
            fail_msg("%s", cases[i].text);
    }
}

static const char *written(const struct smx_sdp_own *own, const struct smx_sdp *to)
{
    static char text[2048];
    struct smx_text out = {text, 0, sizeof text - 1, false};

    smx_sdp_write(&out, own, to);
    assert_false(out.full);
    text[out.len] = 0;
    return text;
}

static void an_answer_keeps_the_offers_lines_and_refuses_all_but_one(void **state)
{
    struct smx_sdp_own own = {
        .session = 123456789012345678, .version = 3, .port = 30000, .direction = SMX_SENDRECV};

    (void)state;
    memcpy(own.ip, phone_addr("127.0.0.1:1").ip, sizeof own.ip);
    assert_int_equal(
        read_sdp("v=0\nm=video 9 RTP/AVPF 96 97\na=x\nm=audio 9 RTP/AVP 18 8 101\nm=audio 7 RTP/AVP 0\n"),
        SMX_OK);
    assert_string_equal(
        written(&own, &sdp),
        "v=0\r\no=- 123456789012345678 3 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=video 0 RTP/AVPF 96\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n"
        "a=sendrecv\r\nm=audio 0 RTP/AVP 0\r\n");
}

static void an_offer_is_the_same_for_everybody(void **state)
{
    struct smx_sdp_own own = {
        .session = 123456789012345678, .version = 1, .port = 30000, .direction = SMX_SENDRECV};

    (void)state;
    memcpy(own.ip, phone_addr("[2001:db8::1]:1").ip, sizeof own.ip);
    assert_string_equal(
        written(&own, NULL),
        "v=0\r\no=- 123456789012345678 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\n"
        "t=0 0\r\nm=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 "
        "PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        "a=ptime:20\r\na=sendrecv\r\n");
}

static void opus_is_known_by_its_name_and_place(void **state)
{
    static const struct {
        const char *text;
        uint8_t type;
        bool first, g711;
    } cases[] = {
        {"v=0\nm=audio 9 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2\n", 96, true, true},
        {"v=0\nm=audio 9 RTP/AVP 0 111\na=rtpmap:111 OPUS/48000/2\n", 111, false, true},
        {"v=0\nm=audio 9 RTP/AVP 8 107 0\na=rtpmap:107 opus/48000/2\n", 107, false, true},
        {"v=0\nm=audio 9 RTP/AVP 127\na=rtpmap:127 opus/48000/2\n", 127, true, false},
        {"v=0\nm=audio 9 RTP/AVP 0\na=rtpmap:96 opus/48000/2\n", 0, false, true}, /* not in its line */
        {"v=0\nm=audio 9 RTP/AVP 96 0\na=rtpmap:96 opus/48000\n", 0, false, true},
        {"v=0\nm=audio 9 RTP/AVP 96 0\na=rtpmap:96 speex/48000/2\n", 0, false, true},
        {"v=0\nm=audio 9 RTP/AVP 3 0\na=rtpmap:3 opus/48000/2\n", 0, false, true},
        {"v=0\nm=audio 9 RTP/AVP 96\nm=audio 7 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n", 97, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_sdp(cases[i].text), SMX_OK);
        if (sdp.opus != cases[i].type || (sdp.opus_first && sdp.opus != 0) != cases[i].first ||
            (sdp.pcmu || sdp.pcma) != cases[i].g711)
            fail_msg("%s", cases[i].text);
        assert_true(smx_sdp_has(&sdp, SMX_SDP_OPUS_G711));
        assert_int_equal(smx_sdp_has(&sdp, SMX_SDP_G711), cases[i].g711);
        assert_int_equal(smx_sdp_has(&sdp, SMX_SDP_OPUS_ALONE), cases[i].type != 0);
    }
    assert_int_equal(read_sdp("v=0\nm=audio 9 RTP/AVP 96\na=rtpmap:96 speex/16000\n"), SMX_E_REFUSED);
}

static void an_offer_of_the_opus_profile_is_the_same_for_everybody(void **state)
{
    static const char opus[] =
        "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxaveragebitrate=24000;cbr=1;usedtx=0;stereo=0\r\n";
    struct smx_sdp_own own = {.session = 123456789012345678,
                              .version = 1,
                              .port = 30000,
                              .direction = SMX_SENDRECV,
                              .codecs = SMX_SDP_OPUS_G711};
    char want[1024];

    (void)state;
    memcpy(own.ip, phone_addr("127.0.0.1:1").ip, sizeof own.ip);
    snprintf(want, sizeof want,
             "v=0\r\no=- 123456789012345678 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
             "t=0 0\r\nm=audio 30000 RTP/AVP 96 0 8 101 102\r\n%sa=rtpmap:0 PCMU/8000\r\na=rtpmap:8 "
             "PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
             "a=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n"
             "a=ptime:20\r\na=maxptime:20\r\na=sendrecv\r\n",
             opus);
    assert_string_equal(written(&own, NULL), want);
    own.codecs = SMX_SDP_OPUS_ALONE; /* it is what is spoken */
    assert_non_null(strstr(written(&own, NULL), "m=audio 30000 RTP/AVP 96 101 102\r\n"));
    own.opus = 111; /* as the phone had named it */
    assert_non_null(
        strstr(written(&own, NULL), "m=audio 30000 RTP/AVP 111 101 102\r\na=rtpmap:111 opus/48000/2\r\n"));
}

static void an_answer_names_opus_under_the_offers_number_and_alone(void **state)
{
    struct smx_sdp_own own = {.session = 123456789012345678, .version = 1, .port = 30000};

    (void)state;
    assert_int_equal(
        read_sdp("v=0\nm=audio 9 RTP/AVP 0 111 8\na=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\n"),
        SMX_OK);
    own.codecs = SMX_SDP_OPUS_ALONE;
    assert_non_null(strstr(written(&own, &sdp), "m=audio 30000 RTP/AVP 111\r\na=rtpmap:111 opus"));
    assert_null(strstr(written(&own, &sdp), "fec"));
    own.codecs = SMX_SDP_G711;
    assert_non_null(strstr(written(&own, &sdp), "m=audio 30000 RTP/AVP 0 8\r\na=rtpmap:0 "));
    assert_null(strstr(written(&own, &sdp), "opus"));
}

static void no_flipped_bit_or_cut_leads_astray(void **state)
{
    static char wire[PHONE_MESSAGE];
    size_t len = phone_wire(wire, sizeof wire, PHONE_SDP);

    (void)state;
    for (size_t i = 0; i < len * 8 + len; i++) {
        size_t cut = i < len * 8 ? len : i - len * 8;
        char *exact = malloc(cut ? cut : 1);

        assert_non_null(exact);
        memcpy(exact, wire, cut);
        if (i < len * 8)
            exact[i / 8] = (char)(exact[i / 8] ^ 1 << i % 8);
        if (smx_sdp_read(&sdp, (struct smx_span){exact, cut}) == SMX_OK)
            assert_true(sdp.port != 0 && sdp.audio < sdp.media_count);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phones_offer_is_read),
        cmocka_unit_test(odd_order_bare_line_feeds_and_unknown_lines_are_no_matter),
        cmocka_unit_test(only_plain_g711_audio_will_do),
        cmocka_unit_test(hold_is_known_in_both_spellings),
        cmocka_unit_test(an_answer_keeps_the_offers_lines_and_refuses_all_but_one),
        cmocka_unit_test(an_offer_is_the_same_for_everybody),
        cmocka_unit_test(opus_is_known_by_its_name_and_place),
        cmocka_unit_test(an_offer_of_the_opus_profile_is_the_same_for_everybody),
        cmocka_unit_test(an_answer_names_opus_under_the_offers_number_and_alone),
        cmocka_unit_test(no_flipped_bit_or_cut_leads_astray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
