# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E501 (the texts of the cards stay unbroken)
"""Makes the four tables of the lab ``boiling-tibet`` and their cards, from stated sources.

pip install chemicals==1.5.2        # in an environment of its own
python boiling_tibet.py ../source/boiling-tibet/data
"""

import csv
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RETRIEVED = "2026-11-27"
MADE_BY = "courses/matter-energy/provenance/boiling_tibet.py"

# Forbes (1857): boiling point of water in °F, barometer in inches of mercury; 17 stations, in his order.
FORBES = (
    (194.5, 20.79), (194.3, 20.79), (197.9, 22.40), (198.4, 22.67), (199.4, 23.15), (199.9, 23.35),
    (200.9, 23.89), (201.1, 23.99), (201.4, 24.02), (201.3, 24.01), (203.6, 25.14), (204.6, 26.57),
    (209.5, 28.49), (208.6, 27.76), (210.7, 29.04), (211.9, 29.88), (212.2, 30.06),
)  # fmt: skip
HPA_PER_INCH_OF_MERCURY = 33.8639

# Height of each place above sea level (m) and how far the inhabited part of it spreads around it (m).
PLACES = (
    ("上海", "Shanghai", 4, 5),
    ("北京", "Beijing", 44, 20),
    ("昆明", "Kunming", 1892, 50),
    ("西宁", "Xining", 2261, 50),
    ("拉萨", "Lhasa", 3650, 30),
    ("理塘", "Litang", 4014, 50),
    ("那曲", "Nagqu", 4507, 30),
    ("珠峰北坡大本营", "Everest north base camp", 5200, 50),
    ("珠穆朗玛峰", "Mount Everest (Qomolangma)", 8848.86, 0.3),
)  # fmt: skip


def standard_pressure(altitude: float) -> float:
    """Pressure (hPa) of the U.S. Standard Atmosphere 1976 (= ISO 2533 here) at a height in m below 11 km."""
    earth_radius, lapse_rate, sea_level_kelvin = 6_356_766.0, 0.0065, 288.15
    gravity, molar_mass, gas_constant = 9.80665, 0.0289644, 8.31432
    geopotential = earth_radius * altitude / (earth_radius + altitude)
    exponent = gravity * molar_mass / (gas_constant * lapse_rate)
    return float(1013.25 * (1 - lapse_rate * geopotential / sea_level_kelvin) ** exponent)


def write_table(
    folder: Path, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], card: Any
) -> None:
    """Write name.csv (UTF-8, LF) and name.card.json with row count and sha256 into folder."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = buffer.getvalue().encode("utf-8")
    (folder / f"{name}.csv").write_bytes(content)
    whole = {"file": f"{name}.csv", **card, "rows": len(rows), "retrieved": RETRIEVED, "made_by": MADE_BY}
    whole["sha256"] = hashlib.sha256(content).hexdigest()
    text = json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
    (folder / f"{name}.card.json").write_text(text, encoding="utf-8")


def main(folder: Path) -> None:
    """Make all four tables in folder."""
    from chemicals.iapws import iapws95_Psat  # type: ignore[import-not-found]

    temperatures = [0.5 * step for step in range(1, 261)]
    write_table(
        folder, "saturation", ("temperature_C", "pressure_hPa"),
        [(f"{t:.1f}", f"{iapws95_Psat(t + 273.15) / 100:.3f}") for t in temperatures],
        {
            "title": {"zh": "水的饱和蒸气压：气压等于它时水就沸腾",
                      "en": "Saturation pressure of water: water boils where the air pressure equals it"},
            "source": "IAPWS-95 (Wagner & Pruß 2002, J. Phys. Chem. Ref. Data 31, 387)",
            "doi": "10.1063/1.1461829",
            "measured_by": {"zh": "国际水和水蒸气性质协会汇集几十个实验室的测量，拟合成一个状态方程",
                            "en": "Measurements of dozens of laboratories, fitted with one equation of state by the IAPWS"},
            "extracted_from": "PyPI chemicals 1.5.2 (chemicals.iapws.iapws95_Psat)",
            "licence": {"zh": "计算所用的程序包为 MIT 许可；数据为事实", "en": "Package MIT; the numbers are facts"},
            "columns": {"zh": "temperature_C 温度（℃）；pressure_hPa 饱和蒸气压（hPa）",
                        "en": "temperature_C temperature (℃); pressure_hPa saturation pressure (hPa)"},
            "dropped": {"zh": "只取 0.5～130 ℃，每 0.5 ℃ 一行", "en": "kept 0.5 to 130 ℃ only, one row every 0.5 ℃"},
            "uncertainty": {"zh": "压强约 0.1 % 以内，相当于沸点 0.03 ℃；查表插值误差小于 0.01 ℃",
                            "en": "about 0.1 % of the pressure or better, 0.03 ℃ of the boiling point; "
                                  "interpolating in the table adds less than 0.01 ℃"},
        },
    )  # fmt: skip
    altitudes = range(-100, 9001, 50)
    write_table(
        folder, "atmosphere", ("altitude_m", "pressure_hPa"),
        [(h, f"{standard_pressure(h):.2f}") for h in altitudes],
        {
            "title": {"zh": "标准大气：海拔与气压", "en": "Standard atmosphere: altitude and pressure"},
            "source": "U.S. Standard Atmosphere 1976 (NOAA-S/T 76-1562); ISO 2533:1975",
            "measured_by": {"zh": "中纬度多年气球与火箭观测的平均，取为约定值",
                            "en": "A convention: the average of years of balloon and rocket soundings at middle latitudes"},
            "extracted_from": {"zh": "按标准给出的常数与公式计算", "en": "Computed from the constants and formula of the standard"},
            "licence": {"zh": "美国政府出版物，公有领域", "en": "US government publication, public domain"},
            "columns": {"zh": "altitude_m 海拔（m）；pressure_hPa 气压（hPa）",
                        "en": "altitude_m height above sea level (m); pressure_hPa air pressure (hPa)"},
            "dropped": {"zh": "只取 −100～9000 m，每 50 m 一行", "en": "kept −100 to 9000 m, one row every 50 m"},
            "uncertainty": {"zh": "约定值没有误差，真实的天气有：同一地点气压随天气变化可达 ±20 hPa，随季节也变",
                            "en": "A convention has no error, weather has: at one place the pressure moves by up to "
                                  "±20 hPa with the weather, and with the season too"},
        },
    )  # fmt: skip
    write_table(
        folder, "forbes", ("reading", "boiling_F", "pressure_inHg", "boiling_C", "pressure_hPa"),
        [
            (i, f, p, f"{(f - 32) / 1.8:.2f}", f"{p * HPA_PER_INCH_OF_MERCURY:.1f}")
            for i, (f, p) in enumerate(FORBES, 1)
        ],
        {
            "title": {"zh": "福布斯在阿尔卑斯山和苏格兰测的 17 组沸点与气压",
                      "en": "Seventeen boiling points and pressures measured by Forbes in the Alps and in Scotland"},
            "source": "J. D. Forbes (1857), Transactions of the Royal Society of Edinburgh 21, 135–143",
            "measured_by": "James David Forbes",
            "measured_when": {"zh": "19 世纪 40～50 年代", "en": "1840s and 1850s"},
            "instrument": {"zh": "沸点温度计（华氏度，读到 0.1 °F）和水银气压计（英寸汞柱，读到 0.01 英寸）",
                           "en": "Boiling-point thermometer (read to 0.1 °F) and mercury barometer (read to 0.01 inch)"},
            "extracted_from": {"zh": "数值对照 R 数据集 MASS::forbes（Weisberg 书中重印）核对后录入",
                               "en": "Numbers typed in and compared with the R data set MASS::forbes (reprinted by Weisberg)"},
            "licence": {"zh": "1857 年发表，公有领域", "en": "Published 1857, public domain"},
            "columns": {"zh": "reading 序号；boiling_F、pressure_inHg 原始读数；boiling_C（℃）、pressure_hPa（hPa）由我们换算",
                        "en": "reading number; boiling_F, pressure_inHg as published; boiling_C (℃), pressure_hPa (hPa) converted by us"},
            "dropped": {"zh": "没有删去任何一行", "en": "nothing"},
            "uncertainty": {"zh": "原文没有给出误差；读数间隔为 0.06 ℃ 和 0.3 hPa，实际散布见实验正文",
                            "en": "None published; the scales were read to 0.06 ℃ and 0.3 hPa, the real scatter is found in the lab"},
        },
    )  # fmt: skip
    write_table(
        folder, "places", ("place_zh", "place_en", "altitude_m", "spread_m"), PLACES,
        {
            "title": {"zh": "九个地方的海拔", "en": "Heights of nine places above sea level"},
            "source": {"zh": "城市与营地：各地公开的常用海拔；珠峰：2020 年 12 月 8 日中国和尼泊尔共同宣布的高程",
                       "en": "Cities and camp: commonly published heights; Everest: height announced jointly by "
                             "China and Nepal on 8 December 2020"},
            "measured_by": {"zh": "珠峰：2020 珠峰高程测量登山队与中尼两国测绘部门（北斗等卫星定位、重力、雪深雷达）",
                            "en": "Everest: the 2020 survey team and the survey offices of China and Nepal "
                                  "(BeiDou and other satellites, gravity, snow radar)"},
            "licence": {"zh": "数值为事实", "en": "The numbers are facts"},
            "columns": {"zh": "place_zh、place_en 名称；altitude_m 海拔（m）；spread_m 居住区高低起伏的大致范围（±m，我们的估计）",
                        "en": "place_zh, place_en names; altitude_m height (m); spread_m rough spread of the "
                              "inhabited part (±m, our estimate)"},
            "dropped": {"zh": "没有", "en": "nothing"},
            "uncertainty": {"zh": "城市不是一个点：取市中心，起伏见 spread_m；100 m 约相当于沸点 0.3 ℃",
                            "en": "A city is no point: centre taken, spread_m tells the rest; 100 m are about "
                                  "0.3 ℃ of the boiling point"},
        },
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
