import { Controller, Get, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { API_VERSION } from '@dsops/contracts/api';
import { openApiDocument } from '@dsops/contracts-generate';
import { ReadinessService } from './readiness.service.js';
import { SystemService } from './system.service.js';
import { welcomePage, welcomeText } from './welcome.js';

/** What anybody may ask, without a key: what this is, whether it works, and what the API looks like. */
@Controller()
export class SystemController {
  private document?: string;

  constructor(
    private readonly system: SystemService,
    private readonly readiness: ReadinessService,
  ) {}

  /** A page for browsers, lines for everything else. */
  @Get('/')
  welcome(@Req() request: Request, @Res() response: Response): void {
    response.vary('accept');
    if (request.accepts(['text/plain', 'text/html']) !== 'text/html') {
      response.type('text/plain').send(welcomeText(this.system.version));
      return;
    }
    const { html, contentSecurityPolicy } = welcomePage(this.system.version);
    response.setHeader('content-security-policy', contentSecurityPolicy);
    response.type('text/html').send(html);
  }

  /** 200 when every service is ready, 503 otherwise. For people and monitors; a load balancer asks /health/ready. */
  @Get('api/health')
  async health(@Res() response: Response): Promise<void> {
    const overview = await this.readiness.look();
    response.setHeader('cache-control', 'no-store');
    response.status(overview.status === 'ok' ? 200 : 503).json(overview);
  }

  @Get(`api/v${API_VERSION}/openapi.json`)
  openApi(@Res() response: Response): void {
    this.document ??= JSON.stringify(openApiDocument());
    response.type('application/json').send(this.document);
  }
}
