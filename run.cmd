@echo off
rem .\run.cmd demo [ARGS]   reconstruct the built-in sample into out\demo
rem .\run.cmd test [ARGS]   every check and every test (ARGS go to pytest)
rem The twin of ./run for Windows: sets up .venv on first use, needs no network after that.
setlocal
cd /d "%~dp0"
set "command=%~1"
set "extras="
if "%command%"=="demo" set "extras=all"
if "%command%"=="test" set "extras=all,test"
if not defined extras goto usage
set "rest="
for /f "tokens=1*" %%a in ("%*") do set "rest=%%b"

if exist .venv\Scripts\python.exe goto install
set "base=py -3"
where py >nul 2>nul || set "base=python"
%base% -c "import sys; sys.exit(sys.version_info < (3, 11))" || goto old
%base% -m venv .venv || exit /b 1

:install
set "stamp=.venv\installed-%command%"
fc /b pyproject.toml "%stamp%.pyproject" >nul 2>nul || goto pip
fc /b constraints.txt "%stamp%.constraints" >nul 2>nul || goto pip
goto %command%

:pip
.venv\Scripts\python -m pip install --disable-pip-version-check --editable ".[%extras%]" --constraint constraints.txt || exit /b 1
copy /y pyproject.toml "%stamp%.pyproject" >nul
copy /y constraints.txt "%stamp%.constraints" >nul
goto %command%

:demo
.venv\Scripts\mixedptycho demo --out out\demo %rest%
exit /b %errorlevel%

:test
set "PATH=%CD%\.venv\Scripts;%PATH%"
set "FAILED_CHECKS="
ruff check . || set "FAILED_CHECKS=ruff check"
ruff format --check . || set "FAILED_CHECKS=%FAILED_CHECKS%; ruff format"
mypy || set "FAILED_CHECKS=%FAILED_CHECKS%; mypy"
npe2 validate napari-mixedptycho || set "FAILED_CHECKS=%FAILED_CHECKS%; npe2 validate"
python -m pytest -n auto %rest%
if errorlevel 1 exit /b %errorlevel%
if defined FAILED_CHECKS exit /b 1
exit /b 0

:old
echo Python 3.11 or newer is needed.
exit /b 1

:usage
echo .\run.cmd demo ^| test
exit /b 2
