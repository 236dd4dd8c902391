package dev.beamwright.recsys.run;

import java.util.List;
import java.util.Locale;

/** Horizontal bars from 0, one below the other, as SVG. */
public record Bars(String title, List<Bar> bars) {
    /**
     * One bar.
     *
     * @param value how long it is; null for none at all
     * @param low where a whisker begins, or null for no whisker
     * @param high where it ends
     * @param text behind the bar
     * @param grey whether it stands back
     * @param goal where a mark stands that the bar should reach, or null
     */
    public record Bar(String name, Double value, Double low, Double high, String text, boolean grey, Double goal) {
        double end() {
            double end = value == null ? 0 : high == null ? value : high;
            return goal == null ? end : Math.max(end, goal);
        }
    }

    private static final int LENGTH = 420, ROW = 30, TOP = 48, BEHIND = 150;

    /** The bars as a text of SVG. */
    public String svg() {
        int left = 20 + 7 * bars.stream().mapToInt(b -> b.name.length()).max().orElse(0);
        double most = bars.stream().mapToDouble(Bar::end).max().orElse(0), scale = most == 0 ? 0 : LENGTH / most;
        StringBuilder s = new StringBuilder();
        add(
                s,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\""
                        + " font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
                        + "<text x=\"12\" y=\"26\" font-size=\"15\">%s</text>\n",
                left + LENGTH + BEHIND,
                TOP + ROW * bars.size() + 12,
                escape(title));
        for (int i = 0; i < bars.size(); i++) {
            Bar b = bars.get(i);
            int y = TOP + ROW * i, middle = y + ROW / 2;
            add(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, middle + 4, escape(b.name));
            if (b.value == null) continue;
            add(s, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left, y + 5,
                    b.value * scale, ROW - 10, b.grey ? "#8a8a8a" : "#3b75af");
            if (b.low != null) {
                double low = left + b.low * scale, high = left + b.high * scale;
                add(s, "<path d=\"M%.1f %d H%.1f M%.1f %d V%d M%.1f %d V%d\" stroke=\"black\" fill=\"none\"/>\n", low,
                        middle, high, low, middle - 5, middle + 5, high, middle - 5, middle + 5);
            }
            if (b.goal != null) {
                add(s, "<path d=\"M%.1f %d V%d\" stroke=\"#d55e00\" stroke-width=\"2\"/>\n", left + b.goal * scale,
                        y + 2, y + ROW - 2);
            }
            add(s, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", left + b.end() * scale + 8, middle + 4, escape(b.text));
        }
        return s.append("</svg>\n").toString();
    }

    private static void add(StringBuilder s, String format, Object... values) {
        s.append(String.format(Locale.ROOT, format, values));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
