package dev.beamwright.recsys.run;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A small line chart as SVG.
 *
 * @param x the name of the horizontal axis
 * @param y the name of the vertical axis, which begins at 0
 */
public record Chart(String title, String x, String y, List<Line> lines) {
    /** Points in order; both arrays are equally long. */
    public record Line(String name, double[] x, double[] y) {}

    private static final String[] COLORS =
            {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444"};
    /** For the lines for which there is no colour of their own. */
    private static final String[] DASHES = {"", " stroke-dasharray=\"6 4\"", " stroke-dasharray=\"2 4\""};

    private static final int WIDTH = 640, LEFT = 64, RIGHT = 20, TOP = 40, PLOT = 280, LEGEND = 20;

    /** Writes the chart to a file. */
    public void write(Path file) {
        Json.writeAtomically(file, svg().getBytes(StandardCharsets.UTF_8));
    }

    /** The chart as a text of SVG. */
    public String svg() {
        double minX = Double.POSITIVE_INFINITY, maxX = Double.NEGATIVE_INFINITY, maxY = 0;
        for (Line line : lines) {
            for (int i = 0; i < line.x.length; i++) {
                minX = Math.min(minX, line.x[i]);
                maxX = Math.max(maxX, line.x[i]);
                maxY = Math.max(maxY, line.y[i]);
            }
        }
        if (!(minX <= maxX)) minX = maxX = 0; // no points at all
        double stepX = step(maxX - minX), stepY = step(maxY);
        double top = stepY * Math.max(1, Math.ceil(maxY / stepY - 1e-9));
        int bottom = TOP + PLOT, height = bottom + 48 + LEGEND * lines.size();
        StringBuilder s = new StringBuilder();
        add(s, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"", WIDTH,
                height, WIDTH, height);
        add(s, " font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n");
        text(s, LEFT, 22, "start", title, " font-size=\"15\"");
        text(s, LEFT + plotWidth() / 2, bottom + 36, "middle", x, "");
        add(s, "<g transform=\"translate(16 %d) rotate(-90)\">", TOP + PLOT / 2);
        text(s, 0, 0, "middle", y, "");
        s.append("</g>\n");
        for (double v = 0; v <= top * (1 + 1e-9); v += stepY) {
            double at = bottom - v / top * PLOT;
            add(s, "<path d=\"M%d %.1fH%d\" stroke=\"#dddddd\"/>\n", LEFT, at, WIDTH - RIGHT);
            text(s, LEFT - 6, at + 4, "end", number(v), "");
        }
        for (double v = stepX * Math.ceil(minX / stepX - 1e-9); v <= maxX + stepX * 1e-9; v += stepX) {
            text(s, placeX(v, minX, maxX), bottom + 18, "middle", number(v), "");
        }
        for (int l = 0; l < lines.size(); l++) {
            Line line = lines.get(l);
            String color = COLORS[l % COLORS.length], dash = DASHES[Math.min(l / COLORS.length, DASHES.length - 1)];
            StringBuilder path = new StringBuilder(), marks = new StringBuilder();
            for (int i = 0; i < line.x.length; i++) {
                double px = placeX(line.x[i], minX, maxX), py = bottom - line.y[i] / top * PLOT;
                add(path, "%s%.1f %.1f", i == 0 ? "M" : "L", px, py);
                if (line.x.length <= 12) {
                    add(marks, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", px, py, color);
                }
            }
            add(s, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n%s", path, color, dash, marks);
            int legend = bottom + 56 + LEGEND * l;
            add(s, "<path d=\"M%d %dh24\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", LEFT, legend - 4, color, dash);
            text(s, LEFT + 32, legend, "start", line.name, "");
        }
        return s.append("</svg>\n").toString();
    }

    private static int plotWidth() {
        return WIDTH - LEFT - RIGHT;
    }

    private static double placeX(double v, double min, double max) {
        return max == min ? LEFT + plotWidth() / 2.0 : LEFT + (v - min) / (max - min) * plotWidth();
    }

    /** A round step that gives about six ticks. */
    private static double step(double range) {
        if (!(range > 0)) return 1;
        double rough = range / 6, power = Math.pow(10, Math.floor(Math.log10(rough)));
        for (double factor : new double[] {1, 2, 5}) if (factor * power >= rough) return factor * power;
        return 10 * power;
    }

    private static String number(double v) {
        String text = String.format(Locale.ROOT, "%.4f", v);
        return text.replaceAll("0+$", "").replaceAll("\\.$", "");
    }

    private static void text(StringBuilder s, double x, double y, String anchor, String text, String more) {
        String safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
        add(s, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, safe);
    }

    private static void add(StringBuilder s, String format, Object... values) {
        s.append(String.format(Locale.ROOT, format, values));
    }
}
