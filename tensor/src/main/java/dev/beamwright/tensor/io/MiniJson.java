package dev.beamwright.tensor.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Just enough JSON for the header of a safetensors file: objects, lists, strings and whole numbers, as {@link Map},
 * {@link List}, {@link String} and {@link Long}. A fault throws {@link IllegalArgumentException} with its place.
 */
final class MiniJson {
    private static final int DEEPEST = 16;

    private final String text;
    private int at;

    private MiniJson(String text) {
        this.text = text;
    }

    static Object parse(String text) {
        var json = new MiniJson(text);
        Object value = json.value(0);
        json.space();
        if (json.at < text.length()) throw json.fault("nothing more");
        return value;
    }

    static String quote(String s) {
        var b = new StringBuilder("\"");
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '"' || c == '\\') b.append('\\').append(c);
            else if (c < 0x20) b.append("\\u%04x".formatted((int) c));
            else b.append(c);
        }
        return b.append('"').toString();
    }

    private Object value(int depth) {
        if (depth > DEEPEST) throw fault("less nesting");
        space();
        char c = at < text.length() ? text.charAt(at) : 0;
        if (c == '{') return object(depth);
        if (c == '[') return list(depth);
        if (c == '"') return string();
        if (c == '-' || c >= '0' && c <= '9') return number();
        throw fault("an object, a list, a string or a whole number");
    }

    private Map<String, Object> object(int depth) {
        var map = new LinkedHashMap<String, Object>();
        expect('{');
        if (!next('}')) {
            do {
                space();
                String key = string();
                expect(':');
                if (map.putIfAbsent(key, value(depth + 1)) != null)
                    throw fault("each name once, not two '" + key + "'");
            } while (next(','));
            expect('}');
        }
        return map;
    }

    private List<Object> list(int depth) {
        var list = new ArrayList<Object>();
        expect('[');
        if (!next(']')) {
            do {
                list.add(value(depth + 1));
            } while (next(','));
            expect(']');
        }
        return list;
    }

    private String string() {
        expect('"');
        var b = new StringBuilder();
        while (at < text.length() && text.charAt(at) != '"') {
            char c = text.charAt(at++);
            b.append(c == '\\' ? escaped() : c);
        }
        expect('"');
        return b.toString();
    }

    private char escaped() {
        char c = at < text.length() ? text.charAt(at++) : 0;
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                if (at + 4 > text.length() || !text.substring(at, at + 4).matches("[0-9a-fA-F]{4}")) {
                    throw fault("four hexadecimal digits");
                }
                at += 4;
                yield (char) Integer.parseInt(text, at - 4, at, 16);
            }
            default -> throw fault("an escape");
        };
    }

    private Long number() {
        int from = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
        try {
            return Long.valueOf(text.substring(from, at));
        } catch (NumberFormatException e) {
            throw fault("a whole number, not " + text.substring(from, Math.min(at, from + 30)));
        }
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private boolean next(char c) {
        space();
        if (at >= text.length() || text.charAt(at) != c) return false;
        at++;
        return true;
    }

    private void expect(char c) {
        if (!next(c)) throw fault("'" + c + "'");
    }

    private IllegalArgumentException fault(String expected) {
        return new IllegalArgumentException("header, character " + at + ": expected " + expected);
    }
}
